/**
 * What the store's tests are made of: rows, snapshots, batches, an owner who keeps count.
 *
 * @module
 */
import type { PlayerEvent } from "../../../schema/event.ts";
import { fingerprintBigint, fingerprintHex } from "../../../schema/hash.ts";
import type { CommitBatch, JournalRow, SnapshotPart, StageName, Store } from "../store.ts";

export const second = 1000;
/** Arrival of offset 0 in these tests, milliseconds: the last second of a UTC day. */
export const midnight = Date.UTC(2026, 0, 31) - second;

let partitions = 0;

/** A shard of its own for each test, so that the tests can share a server. */
export function freshPartition(): number {
  return partitions++;
}

/** An event of `actorId` that came in `offset` seconds after {@link midnight}. */
export function journalRow(
  actorId: string,
  offset: number,
  change: Partial<PlayerEvent> = {},
): JournalRow {
  const slash = actorId.indexOf("/");
  const event: PlayerEvent = {
    studio: actorId.slice(0, slash),
    event_id: `e-${offset}`,
    event_type: "level.complete",
    user_id: actorId.slice(slash + 1),
    game_id: "demo",
    timestamp: midnight + offset * second - 1234,
    properties: { level: offset },
    context: {},
    ...change,
  };
  return {
    offset,
    receivedAt: midnight + offset * second,
    actorId,
    actorKey: fingerprintBigint(actorId),
    value: JSON.stringify(event),
  };
}

/** A snapshot part whose body tells its offset. */
export function snapshotPart(
  actorId: string,
  offset: number,
  part = "",
  body = JSON.stringify({ at: offset }),
): SnapshotPart {
  const checksum = fingerprintHex(body);
  const hash = fingerprintBigint(`${actorId} ${part} ${checksum}`);
  return { actorId, part, offset, version: 3, body, checksum, hash };
}

/** A batch that changes nothing but what `change` says. */
export function commitBatch(
  change:
    & Partial<CommitBatch>
    & Pick<CommitBatch, "partition" | "epoch" | "oldOffset" | "newOffset">,
): CommitBatch {
  return {
    stage: "player",
    rows: [],
    snapshots: [],
    outbox: [],
    timers: [],
    sources: {},
    emittedOffset: 0,
    hashChange: "0",
    ...change,
  };
}

/** One owner of one shard, who keeps count of where it is. */
export class Owner {
  constructor(
    readonly store: Store,
    readonly stage: StageName,
    readonly partition: number,
    readonly epoch: number,
    public offset: number,
  ) {}

  static async take(store: Store, stage: StageName, partition: number): Promise<Owner> {
    const claim = await store.takeShard(stage, partition, "contract");
    return new Owner(store, stage, partition, claim.epoch, claim.nextOffset);
  }

  async commit(newOffset: number, change: Partial<CommitBatch> = {}): Promise<void> {
    const { stage, partition, epoch, offset: oldOffset } = this;
    await this.store.commit(
      commitBatch({ stage, partition, epoch, oldOffset, newOffset, ...change }),
    );
    this.offset = newOffset;
  }
}

/** Everything that can be seen of a shard. */
export async function view(
  store: Store,
  stage: StageName,
  partition: number,
  ids: readonly string[],
) {
  const { epoch: _, ...claim } = await store.takeShard(stage, partition, "view");
  return {
    claim,
    actors: await store.load(stage, partition, ids),
    timers: await store.dueTimers(stage, partition, Infinity, 1000),
  };
}

/** One demand of the contract, on a shard of its own. */
export type ContractTest = (store: Store, partition: number) => Promise<void>;

/** A batch with something of everything, for actor `s/b` at `offset`. */
export function fullBatch(offset: number) {
  return {
    rows: [journalRow("s/b", offset)],
    snapshots: [snapshotPart("s/b", offset - 1)],
    outbox: [{ topic: "game.deltas" as const, partition: 1, key: "player/1", value: "{}" }],
    timers: [{ actorId: "s/b", name: "silence", dueAt: midnight + 1 }],
    sources: { "player/3": [7, 1] as const },
  };
}
