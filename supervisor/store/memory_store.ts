/**
 * A store in memory with the semantics of the real one, for the simulator and unit tests. It keeps
 * everything until it is dropped.
 *
 * @module
 */
import { Fenced } from "../../schema/errors.ts";
import { MemoryMarks } from "./marks/memory_marks.ts";
import type { ClusterNode, HeldShard } from "../cluster/membership/membership.ts";
import type {
  AliasChange,
  AsOf,
  CommitBatch,
  DownWatch,
  DueTimer,
  JournalRow,
  OutboxEntry,
  ShardClaim,
  ShardHash,
  SnapshotPart,
  SourcePosition,
  StageName,
  Store,
  StoredActor,
  TimerChange,
} from "./store.ts";

interface ShardState {
  epoch: number;
  owner: string;
  /** The life of the node that holds it; `null` for an owner without one, and once it let go. */
  lease: string | null;
  nextOffset: number;
  emittedOffset: number;
  sources: Record<string, SourcePosition>;
  outbox: OutboxEntry[];
  cleanAt: number;
  /** Rows that arrived before it were dropped. */
  journalFrom: number;
  /** Unsigned 64 bits. */
  hash: bigint;
  releasedAt: number | null;
  /** In offset order, of all actors and of each. */
  rows: JournalRow[];
  rowsOf: Map<string, JournalRow[]>;
  /** actor → part → newest. */
  snapshots: Map<string, Map<string, SnapshotPart>>;
  /** `actor\nname` → armed timer. */
  timers: Map<string, DueTimer>;
}

/** A node as it last told of itself. */
export interface NodeRow {
  readonly node: ClusterNode;
  readonly startedMs: number;
  readonly expiresMs: number;
}

/** {@link Store} in memory. Instances share nothing; owners of one shard share an instance. */
export class MemoryStore implements Store {
  readonly #shards = new Map<string, ShardState>();
  /** Signs of life of nodes, by node. */
  readonly nodes = new Map<string, NodeRow>();
  readonly #marks = new MemoryMarks();
  /** `studio/alias` → who it is. */
  readonly #aliases = new Map<string, AliasChange>();

  /** @param now milliseconds since the Unix epoch. @default Date.now */
  constructor(readonly now: () => number = Date.now) {}

  #shard(stage: StageName, partition: number): ShardState {
    const key = `${stage}/${partition}`;
    let shard = this.#shards.get(key);
    if (shard === undefined) {
      shard = {
        epoch: 0,
        owner: "",
        lease: null,
        nextOffset: 0,
        emittedOffset: 0,
        sources: {},
        outbox: [],
        cleanAt: -Infinity,
        journalFrom: -Infinity,
        hash: 0n,
        releasedAt: null,
        rows: [],
        rowsOf: new Map(),
        snapshots: new Map(),
        timers: new Map(),
      };
      this.#shards.set(key, shard);
    }
    return shard;
  }

  takeShard(
    stage: StageName,
    partition: number,
    owner: string,
    heldEpoch?: number,
    lease?: string,
  ): Promise<ShardClaim> {
    const shard = this.#shard(stage, partition);
    if (lease !== undefined) {
      const holder = this.#holderOf(shard);
      const refused = !this.#isAlive(lease)
        ? `the lease of ${owner} has run out`
        : holder !== null && holder !== lease
        ? `shard ${stage}/${partition} is held by ${shard.owner}`
        : undefined;
      if (refused !== undefined) return Promise.reject(new Fenced(refused));
    }
    if (heldEpoch !== undefined && shard.epoch !== heldEpoch && shard.owner !== owner) {
      const message = `shard ${stage}/${partition} was taken by ${shard.owner}`;
      return Promise.reject(new Fenced(message));
    }
    shard.epoch++;
    shard.owner = owner;
    shard.lease = lease ?? null;
    const { epoch, nextOffset, emittedOffset, releasedAt } = shard;
    shard.releasedAt = null;
    const outbox = shard.outbox.filter((entry) => entry.endOffset > emittedOffset);
    return Promise.resolve({
      epoch,
      nextOffset,
      emittedOffset,
      sources: { ...shard.sources },
      outbox,
      releasedAt,
      ...this.#marks.of(stage, partition),
    });
  }

  load(
    stage: StageName,
    partition: number,
    actorIds: readonly string[],
    asOf?: AsOf,
  ): Promise<StoredActor[]> {
    const shard = this.#shard(stage, partition);
    const actors: StoredActor[] = [];
    for (const actorId of new Set(actorIds)) {
      const rows = shard.rowsOf.get(actorId) ?? [];
      const parts = [...shard.snapshots.get(actorId)?.values() ?? []]
        .filter((part) => asOf?.fromStart !== true && isWithin(part, rows, asOf));
      const from = parts.find((part) => part.part === "")?.offset ?? -1;
      const journal = rows.filter((row) => {
        if (row.offset <= from) return false;
        // As in the real store, rows that a snapshot is promised to reflect are not looked at.
        return asOf === undefined ? row.receivedAt >= shard.cleanAt : isRowWithin(row, asOf);
      }).slice(0, asOf?.rowsMax).map(({ offset, receivedAt, value }) => ({
        offset,
        receivedAt,
        value,
      }));
      const isTruncated = asOf?.fromStart === true && shard.journalFrom > -Infinity;
      if (parts.length === 0 && journal.length === 0) continue;
      actors.push({ actorId, parts, journal, ...(isTruncated ? { isTruncated } : {}) });
    }
    return Promise.resolve(actors);
  }

  commit(batch: CommitBatch): Promise<void> {
    const { stage, partition, epoch, oldOffset, newOffset } = batch;
    const shard = this.#shard(stage, partition);
    if (shard.epoch !== epoch || shard.nextOffset !== oldOffset) {
      return Promise.reject(
        new Fenced(`shard ${stage}/${partition} is not at epoch ${epoch} and offset ${oldOffset}`),
      );
    }
    shard.nextOffset = newOffset;
    shard.emittedOffset = Math.max(shard.emittedOffset, batch.emittedOffset);
    shard.cleanAt = Math.max(shard.cleanAt, batch.cleanAt ?? -Infinity);
    shard.hash = BigInt.asUintN(64, shard.hash + BigInt(batch.hashChange));
    shard.releasedAt = batch.release === true ? this.now() : null;
    if (batch.release === true) shard.lease = null;
    Object.assign(shard.sources, batch.sources);
    for (const row of batch.rows) {
      shard.rows.push(row);
      upsert(shard.rowsOf, row.actorId, () => []).push(row);
    }
    for (const part of batch.snapshots) {
      upsert(shard.snapshots, part.actorId, () => new Map()).set(part.part, part);
    }
    for (const timer of batch.timers) applyTimer(shard.timers, timer);
    this.#marks.commit(batch);
    for (const change of batch.aliases ?? []) {
      const key = `${change.studio}/${change.aliasId}`;
      if (change.userId === null) this.#aliases.delete(key);
      else this.#aliases.set(key, change);
    }
    shard.outbox = shard.outbox.filter((entry) => entry.endOffset > batch.emittedOffset);
    if (batch.outbox.length > 0) {
      shard.outbox.push({ endOffset: newOffset, records: [...batch.outbox] });
    }
    return Promise.resolve();
  }

  behind(stage: StageName, partition: number): Promise<string[]> {
    const shard = this.#shard(stage, partition);
    const ids: string[] = [];
    for (const [actorId, rows] of shard.rowsOf) {
      const from = shard.snapshots.get(actorId)?.get("")?.offset ?? -1;
      if (rows.some((row) => row.offset > from && row.receivedAt >= shard.cleanAt)) {
        ids.push(actorId);
      }
    }
    return Promise.resolve(ids);
  }

  snapshotted(
    stage: StageName,
    partition: number,
    after: string,
    limit: number,
  ): Promise<string[]> {
    const ids = [...this.#shard(stage, partition).snapshots.keys()];
    return Promise.resolve(
      ids.filter((id) => compare(id, after) > 0).sort(compare).slice(0, limit),
    );
  }

  shardHash(stage: StageName, partition: number): Promise<ShardHash> {
    const shard = this.#shard(stage, partition);
    return Promise.resolve({ recorded: String(shard.hash), summed: String(sumOf(shard)) });
  }

  resetShardHash(stage: StageName, partition: number): Promise<void> {
    const shard = this.#shard(stage, partition);
    shard.hash = sumOf(shard);
    return Promise.resolve();
  }

  dueTimers(
    stage: StageName,
    partition: number,
    now: number,
    limit: number,
  ): Promise<DueTimer[]> {
    const due = [...this.#shard(stage, partition).timers.values()]
      .filter((timer) => timer.dueAt <= now)
      .sort((a, b) =>
        a.dueAt - b.dueAt || compare(a.actorId, b.actorId) || compare(a.name, b.name)
      );
    return Promise.resolve(due.slice(0, limit));
  }

  downWatches(stage: StageName, partition: number, limit: number): Promise<DownWatch[]> {
    return Promise.resolve(this.#marks.down(stage, partition).slice(0, limit));
  }

  endWatches(stage: StageName, partition: number, watches: readonly DownWatch[]): Promise<void> {
    this.#marks.end(stage, partition, watches);
    return Promise.resolve();
  }

  #isAlive(life: string): boolean {
    return this.aliveNodes().some((node) => node.life === life);
  }

  #holderOf({ lease }: ShardState): string | null {
    return lease !== null && this.#isAlive(lease) ? lease : null;
  }

  /** Nodes whose lease runs, by name. */
  aliveNodes(): ClusterNode[] {
    const alive = [...this.nodes.values()].filter(({ expiresMs }) => expiresMs > this.now());
    return alive.map(({ node }) => node).sort((a, b) => compare(a.nodeId, b.nodeId));
  }

  /** Every shard that was ever taken, and the life that holds it now. */
  heldShards(): HeldShard[] {
    return [...this.#shards].filter(([, { epoch }]) => epoch > 0).map(([key, shard]) => {
      const [stage, partition] = key.split("/") as [StageName, string];
      const { epoch, nextOffset } = shard;
      return {
        stage,
        partition: Number(partition),
        epoch,
        nextOffset,
        life: this.#holderOf(shard),
      };
    });
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  /** Drops the rows of a shard that arrived before `time`, as retention does by day. */
  dropRowsBefore(stage: StageName, partition: number, time: number): void {
    const shard = this.#shard(stage, partition);
    const stays = (row: JournalRow) => row.receivedAt >= time;
    shard.journalFrom = Math.max(shard.journalFrom, time);
    shard.rows = shard.rows.filter(stays);
    for (const [actorId, rows] of shard.rowsOf) shard.rowsOf.set(actorId, rows.filter(stays));
  }

  /** The rows of `player_alias`: what a verifier reads. */
  aliases(): readonly AliasChange[] {
    return [...this.#aliases.values()];
  }

  /** All journal rows of a shard in offset order: what a verifier reads. */
  rows(stage: StageName, partition: number): readonly JournalRow[] {
    return this.#shard(stage, partition).rows;
  }
}

function sumOf({ snapshots }: ShardState): bigint {
  let sum = 0n;
  for (const parts of snapshots.values()) {
    for (const { hash } of parts.values()) sum += BigInt(hash);
  }
  return BigInt.asUintN(64, sum);
}

function isRowWithin(row: JournalRow, asOf: AsOf): boolean {
  return row.offset <= (asOf.offset ?? Infinity) && row.receivedAt <= (asOf.receivedAt ?? Infinity);
}

/** A snapshot is usable if the last message it reflects lies within `asOf`. */
function isWithin(part: SnapshotPart, rows: readonly JournalRow[], asOf?: AsOf): boolean {
  if (asOf === undefined) return true;
  if (part.offset > (asOf.offset ?? Infinity)) return false;
  const last = rows.find((row) => row.offset === part.offset);
  return last === undefined || isRowWithin(last, asOf);
}

function applyTimer(timers: Map<string, DueTimer>, change: TimerChange): void {
  const { actorId, name, dueAt } = change;
  const key = `${actorId}\n${name}`;
  if (dueAt === null) timers.delete(key);
  else timers.set(key, { actorId, name, dueAt });
}

function upsert<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  let value = map.get(key);
  if (value === undefined) map.set(key, value = make());
  return value;
}

/** As `COLLATE "C"` orders (beyond the basic plane not quite, and nothing depends on it). */
function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
