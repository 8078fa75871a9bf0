/**
 * One live actor of a shard. There are as many of these as actors, so what they hold is kept in them and
 * not in objects beside them.
 *
 * @module
 */
import { DAY_MS } from "../../schema/limits.ts";
import { daysIn, msBeyond } from "../../schema/memory/unboxed.ts";
import { PartHashes } from "./shard_hash.ts";

/** Before the first day there is. */
const never = -1;

export class Cell {
  /** Offset of the last message that changed the state; −1 before the first. */
  offset = -1;
  /** Offset of its newest message, counted or not; above the committed offset the cell is pinned. */
  pinnedAt = -1;
  /** Offset that the stored snapshot reflects; −1 when there is none. */
  snapshotOffset = -1;
  /** Journal rows after the stored snapshot. */
  rowsBehind = 0;
  bytes = 0;
  /** Commits that may touch it before its bytes are looked at again. */
  unmeasured = 0;
  /** Of its stored snapshot. */
  readonly hashes = new PartHashes();
  /** Used since the eviction hand last passed. */
  referenced = true;
  #behindDay = never;
  #behindMs = 0;

  /** @param key `fingerprintBigint(id)` */
  constructor(readonly id: string, readonly key: string, public state: unknown) {}

  /** Arrival of the first row behind the stored snapshot, milliseconds; `Infinity`: there is none. */
  get behindSince(): number {
    return this.#behindDay === never ? Infinity : this.#behindDay * DAY_MS + this.#behindMs;
  }

  set behindSince(at: number) {
    this.#behindDay = at === Infinity ? never : daysIn(at);
    this.#behindMs = at === Infinity ? 0 : msBeyond(this.#behindDay, at);
  }
}
