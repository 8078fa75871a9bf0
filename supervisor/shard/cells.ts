/**
 * The live actors of a shard: loading, pinning, and passivation by a byte budget.
 *
 * @module
 */
import { fingerprintBigint, fingerprintHex } from "../../schema/hash.ts";
import { ActorHalted } from "../../schema/errors.ts";
import type { AsOf, SnapshotPart, Store, StoredActor } from "../store/store.ts";
import { Cell } from "./cell.ts";
import { KnownActors } from "./restore/known_actors.ts";
import { AskGatherer } from "./restore/ask_gatherer.ts";
import { reasonOf, restoreActor, SnapshotDistrusted, wholeOf } from "./restore/restore_actor.ts";
import { alone, type TroublePorts, type Troubles } from "./restore/troubles.ts";
import { HashChange, partHash } from "./shard_hash.ts";
import type { Stage } from "./stage.ts";

/** Looking costs as much as half an event, and between two looks an actor grows by little. */
const measuredEvery = 8;

export class Cells {
  readonly #live = new Map<string, Cell>();
  /** Whom {@link load} looks for in the store. Only this shard ever makes an actor known to it. */
  readonly known = new KnownActors();
  /** Of the snapshots taken; goes with the commit that carries them. */
  readonly hashChange = new HashChange();
  readonly #loading = new Map<string, Promise<number>>();
  readonly #asked = new AskGatherer((ids) => this.load(ids));
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
    readonly ports: TroublePorts = alone(),
  ) {
    for (const { actorId } of this.troubles.halted()) this.known.add(actorId);
  }

  get troubles(): Troubles {
    return this.ports.troubles;
  }

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
   * Loads those of `ids` that the store knows and that are neither live nor halted; one query for all
   * of them. Whom the store knows and who cannot be loaded is halted.
   *
   * @returns how many were loaded, by this call or another one under way
   */
  async load(ids: Iterable<string>): Promise<number> {
    const waits: Promise<number>[] = [];
    const missing: string[] = [];
    for (const id of ids) {
      if (this.#live.has(id) || !this.known.mayHave(id) || this.troubles.isHalted(id)) continue;
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
    return this.#asked.load(id);
  }

  async #fetch(ids: readonly string[]): Promise<number> {
    try {
      const stored = await this.store.load(this.stage.name, this.partition, ids);
      const distrusted: [StoredActor, SnapshotDistrusted][] = [];
      for (const actor of stored) {
        try {
          this.#put(this.restore(actor));
        } catch (thrown) {
          const hasJournal = this.stage.behaviour.durability === "journal";
          if (hasJournal && thrown instanceof SnapshotDistrusted) distrusted.push([actor, thrown]);
          else this.#haltUnloadable(actor, thrown);
        }
      }
      if (distrusted.length > 0) await this.#rebuild(distrusted);
      const loaded = stored.filter(({ actorId }) => this.#live.has(actorId)).length;
      this.loaded += loaded;
      return loaded;
    } finally {
      for (const id of ids) this.#loading.delete(id);
    }
  }

  /** Makes actors live from their whole journal. The bad snapshot is replaced with the next commit. */
  async #rebuild(distrusted: readonly [StoredActor, SnapshotDistrusted][]): Promise<void> {
    const { stage, partition, store } = this;
    const ids = distrusted.map(([{ actorId }]) => actorId);
    const found = await store.load(stage.name, partition, ids, { fromStart: true });
    const wholes = new Map(found.map((actor) => [actor.actorId, actor]));
    for (const [actor, why] of distrusted) {
      try {
        const cell = this.restore(wholeOf(actor, why, wholes.get(actor.actorId)));
        // The bad ones are stored still.
        for (const { part, hash } of actor.parts) cell.hashes.set(part, hash);
        this.#put(cell);
        this.ports.rebuilt(cell.id, why.reason);
      } catch (thrown) {
        this.#haltUnloadable(actor, thrown);
      }
    }
  }

  /**
   * The actor as it was, beside the live one; `undefined` when there was none yet.
   *
   * @throws {ActorHalted} what is stored of it cannot be restored
   */
  async past(id: string, asOf: AsOf): Promise<Cell | undefined> {
    const { stage, partition, store } = this;
    const [stored] = await store.load(stage.name, partition, [id], asOf);
    if (stored === undefined) return undefined;
    try {
      return this.restore(stored);
    } catch (thrown) {
      if (!(thrown instanceof SnapshotDistrusted)) throw new ActorHalted(id, reasonOf(thrown));
      const start = { ...asOf, fromStart: true };
      const [whole] = await store.load(stage.name, partition, [id], start);
      return this.restore(wholeOf(stored, thrown, whole));
    }
  }

  #haltUnloadable(actor: StoredActor, thrown: unknown): void {
    this.halt(actor.actorId, reasonOf(thrown), -1, actor.journal[0]?.receivedAt);
  }

  /**
   * Takes an actor out of use until it is released from its {@link Troubles}.
   *
   * @param at offset of the message that was too much; −1: it cannot be loaded
   * @param behindSince arrival of its oldest row that no snapshot reflects. @default that of its cell
   */
  halt(id: string, reason: string, at: number = -1, behindSince: number = Infinity): void {
    const cell = this.#live.get(id) ?? this.#broken.get(id);
    const oldest = Math.min(behindSince, cell?.behindSince ?? Infinity);
    this.troubles.halt({
      actorId: id,
      reason,
      since: this.ports.now(),
      offset: at,
      behindSince: oldest === Infinity ? null : oldest,
      letters: 0,
    });
    this.drop(id);
    // Without a snapshot nobody else tells of it.
    this.known.add(id);
    this.ports.halted(id, reason);
  }

  /** Arrival of the oldest row that no snapshot reflects, milliseconds; `Infinity` when there is none. */
  get behindSince(): number {
    let oldest = this.troubles.behindSince;
    for (const cell of this.#live.values()) oldest = Math.min(oldest, cell.behindSince);
    for (const cell of this.#broken.values()) oldest = Math.min(oldest, cell.behindSince);
    return oldest;
  }

  /**
   * The actor as the store has it, in place of a live one whose state can no longer be trusted;
   * `undefined` when it is halted, as it cannot be loaded.
   *
   * @throws {Unavailable} call it again
   */
  async reload(id: string): Promise<Cell | undefined> {
    const live = this.#live.get(id);
    if (live !== undefined) this.#broken.set(id, live);
    this.drop(id);
    await this.load([id]);
    const broken = this.#broken.get(id);
    this.#broken.delete(id);
    if (this.troubles.isHalted(id)) return undefined;
    const cell = this.#live.get(id) ?? this.create(id);
    cell.pinnedAt = broken?.pinnedAt ?? -1;
    // A commit in flight may carry a snapshot of it, which the store did not have yet.
    return broken === undefined ? cell : Object.assign(cell, { hashes: broken.hashes });
  }

  /** A new actor that the store has never seen. */
  create(id: string): Cell {
    this.known.add(id);
    const cell = this.#cell(id, this.stage.behaviour.create(id));
    this.#put(cell);
    // Its first message makes most of what it is.
    cell.unmeasured = 0;
    return cell;
  }

  #cell(id: string, state: unknown): Cell {
    return new Cell(id, fingerprintBigint(id), state);
  }

  #put(cell: Cell): void {
    this.drop(cell.id);
    this.#live.set(cell.id, cell);
    this.measure(cell);
  }

  /**
   * The actor as its snapshot and journal say, live or not.
   *
   * @throws {SnapshotDistrusted}
   * @throws {ReplayFailed}
   */
  restore(actor: StoredActor): Cell {
    const { state, ...position } = restoreActor(this.stage, this.partition, actor);
    const cell = Object.assign(this.#cell(actor.actorId, state), position);
    for (const { part, hash } of actor.parts) cell.hashes.set(part, hash);
    return cell;
  }

  drop(id: string): void {
    const cell = this.#live.get(id);
    if (cell === undefined) return;
    this.#bytes -= cell.bytes;
    this.#live.delete(id);
  }

  /** A commit has touched an actor: now and then its bytes are brought up to date. */
  touched(cell: Cell): void {
    if (cell.unmeasured-- === 0) this.measure(cell);
  }

  /** Brings the byte count up to date after messages. */
  measure(cell: Cell): void {
    const bytes = this.stage.behaviour.bytes(cell.state) + 300;
    this.#bytes += bytes - cell.bytes;
    cell.bytes = bytes;
    cell.unmeasured = measuredEvery - 1;
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
    let excess = this.#bytes - bytesMax;
    if (excess <= 0) return [];
    const behind = new Set<Cell>();
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

  /** Passivates a live actor whatever the budget, if all of it is stored; no messages may be at hand. */
  dismiss(cell: Cell, committedOffset: number): boolean {
    const isStored = cell.snapshotOffset === cell.offset && cell.pinnedAt < committedOffset;
    if (isStored) this.#passivate(cell);
    return isStored;
  }
}
