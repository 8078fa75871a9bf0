/**
 * The live actors of a shard: loading, pinning, and passivation by a byte budget.
 *
 * @module
 */
import { fingerprintBigint, fingerprintHex } from "../../schema/hash.ts";
import { InvariantBroken } from "../../schema/errors.ts";
import type { SnapshotPart, Store, StoredActor } from "../store/store.ts";
import { KnownActors } from "./known_actors.ts";
import { HashChange, partHash, PartHashes } from "./shard_hash.ts";
import type { Stage } from "./stage.ts";

/** One live actor. */
export interface Cell {
  readonly id: string;
  /** `fingerprintBigint(id)`. */
  readonly key: string;
  state: unknown;
  /** Offset of the last message that changed the state; −1 before the first. */
  offset: number;
  /** Offset of its newest message, counted or not; above the committed offset the cell is pinned. */
  pinnedAt: number;
  /** Offset that the stored snapshot reflects; −1 when there is none. */
  snapshotOffset: number;
  /** Journal rows after the stored snapshot, and the arrival of the first of them, milliseconds. */
  rowsBehind: number;
  behindSince: number;
  bytes: number;
  /** Of its stored snapshot. */
  readonly hashes: PartHashes;
  /** Used since the eviction hand last passed. */
  referenced: boolean;
}

/** Queries for actors that are asked for, at once; and how many share one. */
const askedUnderWayMax = 2;
const askedTogetherMax = 100;

export class Cells {
  readonly #live = new Map<string, Cell>();
  /** Whom {@link load} looks for in the store. Only this shard ever makes an actor known to it. */
  readonly known = new KnownActors();
  /** Of the snapshots taken; goes with the commit that carries them. */
  readonly hashChange = new HashChange();
  readonly #loading = new Map<string, Promise<number>>();
  #askedUnderWay = 0;
  /** Those who will share a query that is not sent yet; the last of the waiting ones. */
  #askedNext: { readonly ids: string[]; readonly loaded: Promise<number> } | undefined;
  readonly #askedWaiting: (() => void)[] = [];
  #bytes = 0;
  #expected: ReadonlySet<string> = new Set();
  /** Taken out of use after a throw, until they are loaded anew. */
  readonly #broken = new Map<string, Cell>();
  #hand: Iterator<Cell> = this.#live.values();
  /** Counted for the metrics. */
  loaded = 0;
  passivated = 0;

  constructor(
    readonly stage: Stage,
    readonly partition: number,
    readonly store: Store,
  ) {}

  get size(): number {
    return this.#live.size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get(id: string): Cell | undefined {
    const cell = this.#live.get(id);
    if (cell !== undefined) cell.referenced = true;
    return cell;
  }

  /** Like {@link get}, without counting as a use. */
  peek(id: string): Cell | undefined {
    return this.#live.get(id);
  }

  ids(): IterableIterator<string> {
    return this.#live.keys();
  }

  values(): IterableIterator<Cell> {
    return this.#live.values();
  }

  /** Keeps these actors, once live, from being passivated until the next call: messages for them are at hand. */
  expect(ids: ReadonlySet<string>): void {
    this.#expected = ids;
  }

  /** Nothing uncommitted and nothing at hand for it. */
  #isIdle(cell: Cell, committedOffset: number): boolean {
    return cell.pinnedAt < committedOffset && !cell.referenced && !this.#expected.has(cell.id);
  }

  /**
   * Loads those of `ids` that the store knows and that are not live; one query for all of them.
   *
   * @returns how many were loaded, by this call or another one under way
   */
  async load(ids: Iterable<string>): Promise<number> {
    const waits: Promise<number>[] = [];
    const missing: string[] = [];
    for (const id of ids) {
      if (this.#live.has(id) || !this.known.mayHave(id)) continue;
      const loading = this.#loading.get(id);
      if (loading === undefined) missing.push(id);
      else waits.push(loading);
    }
    if (missing.length > 0) {
      const loading = this.#fetch(missing);
      for (const id of missing) this.#loading.set(id, loading);
      waits.push(loading);
    }
    return (await Promise.all(waits)).reduce((sum, n) => sum + n, 0);
  }

  /**
   * Loads one actor as {@link load} does. Who asks while queries for others are under way shares the
   * next one: a crowd that asks for the passivated costs queries by its pace, not by its number.
   */
  loadAsked(id: string): Promise<number> {
    const gathering = this.#askedNext;
    if (gathering !== undefined && gathering.ids.length < askedTogetherMax) {
      gathering.ids.push(id);
      return gathering.loaded;
    }
    if (this.#askedUnderWay < askedUnderWayMax) return this.#loadAsked([id]);
    const ids = [id];
    const { promise, resolve } = Promise.withResolvers<void>();
    const loaded = promise.then(() => this.#loadAsked(ids));
    this.#askedNext = { ids, loaded };
    this.#askedWaiting.push(() => {
      if (this.#askedNext?.ids === ids) this.#askedNext = undefined;
      resolve();
    });
    return loaded;
  }

  async #loadAsked(ids: readonly string[]): Promise<number> {
    this.#askedUnderWay++;
    try {
      return await this.load(ids);
    } finally {
      this.#askedUnderWay--;
      this.#askedWaiting.shift()?.();
    }
  }

  async #fetch(ids: readonly string[]): Promise<number> {
    try {
      const stored = await this.store.load(this.stage.name, this.partition, ids);
      for (const actor of stored) {
        this.#put(this.restore(actor));
        this.loaded++;
      }
      return stored.length;
    } finally {
      for (const id of ids) this.#loading.delete(id);
    }
  }

  /** Arrival of the oldest row that no snapshot reflects, milliseconds; `Infinity` when there is none. */
  get behindSince(): number {
    let oldest = Infinity;
    for (const cell of this.#live.values()) oldest = Math.min(oldest, cell.behindSince);
    for (const cell of this.#broken.values()) oldest = Math.min(oldest, cell.behindSince);
    return oldest;
  }

  /**
   * The actor as the store has it, in place of a live one whose state can no longer be trusted.
   *
   * @throws {Unavailable} call it again
   */
  async reload(id: string): Promise<Cell> {
    const broken = this.#live.get(id);
    if (broken !== undefined) this.#broken.set(id, broken);
    this.drop(id);
    await this.load([id]);
    const cell = this.#live.get(id) ?? this.create(id);
    cell.pinnedAt = this.#broken.get(id)?.pinnedAt ?? -1;
    this.#broken.delete(id);
    return cell;
  }

  /** A new actor that the store has never seen. */
  create(id: string): Cell {
    this.known.add(id);
    const cell = this.#cell(id, this.stage.behaviour.create(id));
    this.#put(cell);
    return cell;
  }

  #cell(id: string, state: unknown): Cell {
    return {
      id,
      key: fingerprintBigint(id),
      state,
      offset: -1,
      pinnedAt: -1,
      snapshotOffset: -1,
      rowsBehind: 0,
      behindSince: Infinity,
      bytes: 0,
      hashes: new PartHashes(),
      referenced: true,
    };
  }

  #put(cell: Cell): void {
    this.drop(cell.id);
    this.#live.set(cell.id, cell);
    this.measure(cell);
  }

  /** The actor as its snapshot and journal say; its effects were committed already. */
  restore(actor: StoredActor): Cell {
    const { behaviour } = this.stage;
    for (const { part, body, checksum } of actor.parts) {
      if (fingerprintHex(body) === checksum) continue;
      throw new InvariantBroken(`Snapshot of ${actor.actorId} part '${part}' fails its checksum`);
    }
    const hasSnapshot = actor.parts.length > 0;
    const state = hasSnapshot
      ? behaviour.restore(actor.actorId, actor.parts)
      : behaviour.create(actor.actorId);
    const cell = this.#cell(actor.actorId, state);
    for (const { part, offset, hash } of actor.parts) {
      cell.offset = Math.max(cell.offset, offset);
      cell.hashes.set(part, hash);
    }
    cell.snapshotOffset = cell.offset;
    for (const event of actor.journal) {
      behaviour.receive(cell.state, this.stage.replay(event), {
        actorId: cell.id,
        now: event.receivedAt,
        partition: this.partition,
        offset: event.offset,
      });
      cell.offset = event.offset;
      cell.behindSince = Math.min(cell.behindSince, event.receivedAt);
      cell.rowsBehind++;
    }
    return cell;
  }

  drop(id: string): void {
    const cell = this.#live.get(id);
    if (cell === undefined) return;
    this.#bytes -= cell.bytes;
    this.#live.delete(id);
  }

  /** Brings the byte count up to date after messages. */
  measure(cell: Cell): void {
    const bytes = this.stage.behaviour.bytes(cell.state) + 300;
    this.#bytes += bytes - cell.bytes;
    cell.bytes = bytes;
  }

  /**
   * The parts of a cell's snapshot, as of its last message. From here on the cell counts as caught
   * up: the commit that carries the snapshot lands, or the whole shard is taken again.
   */
  snapshot(cell: Cell): SnapshotPart[] {
    cell.rowsBehind = 0;
    cell.behindSince = Infinity;
    const { version } = this.stage.behaviour;
    return this.stage.behaviour.snapshot(cell.state).map(({ part, body }) => {
      const identity = { actorId: cell.id, part, version, checksum: fingerprintHex(body) };
      const hash = partHash(identity);
      this.hashChange.replace(cell.hashes.get(part), hash);
      cell.hashes.set(part, hash);
      return { ...identity, offset: cell.offset, body, hash };
    });
  }

  /**
   * Passivates until the budget holds: unpinned actors whose snapshot is up to date go at once, the
   * others are returned, at most `most`, to be snapshotted with the next commit. A second chance for
   * the recently used (CLOCK).
   */
  passivate(bytesMax: number, committedOffset: number, most: number): Cell[] {
    const behind = new Set<Cell>();
    let excess = this.#bytes - bytesMax;
    for (
      let steps = this.#live.size * 2;
      excess > 0 && steps > 0 && behind.size < most;
      steps--
    ) {
      let next = this.#hand.next();
      if (next.done) {
        this.#hand = this.#live.values();
        next = this.#hand.next();
        if (next.done) break;
      }
      const cell = next.value;
      if (cell.referenced) cell.referenced = false;
      else if (this.#isIdle(cell, committedOffset)) {
        if (cell.snapshotOffset === cell.offset) this.#passivate(cell);
        else if (behind.has(cell)) continue;
        else behind.add(cell);
        excess -= cell.bytes;
      }
    }
    return [...behind];
  }

  #passivate(cell: Cell): void {
    this.drop(cell.id);
    this.passivated++;
  }

  /** Passivates a cell whose snapshot was just stored, if the budget is exceeded and nothing came in between. */
  passivateIfIdle(id: string, committedOffset: number, bytesMax: number): void {
    const cell = this.#live.get(id);
    if (cell === undefined) return;
    const idle = cell.snapshotOffset === cell.offset && this.#isIdle(cell, committedOffset);
    if (idle && this.#bytes > bytesMax) this.#passivate(cell);
  }
}
