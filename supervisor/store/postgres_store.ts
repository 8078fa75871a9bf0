/**
 * The store on PostgreSQL.
 *
 * @module
 */
import postgres from "postgres";
import { OutcomeUnknown, Unavailable } from "../../schema/errors.ts";
import { dayOf, dayText } from "../../schema/event.ts";
import { fingerprintBigint } from "../../schema/hash.ts";
import { isStorableText } from "../../schema/hostile_values.ts";
import { limits } from "../../schema/limits.ts";
import { serverFault } from "./faults.ts";
import {
  decodeActors,
  decodeOutbox,
  encodeOutbox,
  encodeSnapshots,
  encodeTimers,
} from "./postgres_rows.ts";
import { encodeRows } from "./journal/journal_columns.ts";
import * as marked from "./marks/postgres_marks.ts";
import { type PoolMetrics, SqlPool, type Statement } from "./sql_pool.ts";
import { deadlines } from "./sql/deadlines.ts";
import { selectAsOf, selectParts, selectPlayers } from "./sql/load_queries.ts";
import type {
  AsOf,
  CommitBatch,
  DownWatch,
  DueTimer,
  ShardClaim,
  ShardHash,
  SourcePosition,
  StageName,
  Store,
  StoredActor,
} from "./store.ts";

export interface PostgresStoreOptions {
  /** `postgres://` URL of a prepared database; see `prepareDatabase`. */
  readonly url: string;
  /** Connections for commits, opened when needed. @default 4 */
  readonly connections?: number;
  /** Connections for short reads, which never wait behind commits. @default 2 */
  readonly readConnections?: number;
  /** Deadline of each statement, milliseconds. @default limits.commitTimeoutMs */
  readonly timeoutMs?: number;
  /** Where its pools count, and the thread that has them. @default nowhere */
  readonly metrics?: Omit<PoolMetrics, "pool">;
  /** Deadline of `behind`, milliseconds: it walks through all players of a shard. @default 600_000 */
  readonly behindTimeoutMs?: number;
}

/** How long after a failure to make a day's partition the next attempt is made. */
const dayRetryMs = 10_000;

/**
 * All statements are point accesses by index. So a plan is made once a connection, and not by
 * statistics: those of a table that has just begun to grow would suggest reading it whole.
 */
const pointAccess = {
  application_name: "gamemetrics-store",
  plan_cache_mode: "force_generic_plan",
  enable_seqscan: "off",
  enable_bitmapscan: "off",
  enable_hashjoin: "off",
  enable_mergejoin: "off",
};

/** {@link Store} on PostgreSQL. Connects lazily; a server that is away is `Unavailable` until it is back. */
export class PostgresStore implements Store {
  readonly #pool: SqlPool;
  readonly #readers: SqlPool;
  /** One connection for the long statement, so that it never holds up the short ones. */
  readonly #walker: SqlPool;
  readonly #timeoutMs: number;
  readonly #behindTimeoutMs: number;
  /** Days whose partition is being made or there; on failure the time of the next attempt. */
  readonly #days = new Map<number, Promise<void> | number>();

  constructor(options: PostgresStoreOptions) {
    const { url, connections = 4, readConnections = 2 } = options;
    this.#timeoutMs = options.timeoutMs ?? limits.commitTimeoutMs;
    this.#behindTimeoutMs = options.behindTimeoutMs ?? 600_000;
    const settings = (timeoutMs: number) => ({ ...pointAccess, ...deadlines(timeoutMs) });
    const short = settings(this.#timeoutMs);
    const open = (pool: string, connections: number, settings: Record<string, string>) => {
      const { metrics } = options;
      const counted = metrics === undefined ? {} : { metrics: { ...metrics, pool } };
      return new SqlPool({ url, connections, settings, ...counted });
    };
    this.#pool = open("commit", connections, short);
    this.#readers = open("read", readConnections, short);
    this.#walker = open("walk", 1, settings(this.#behindTimeoutMs));
  }

  async takeShard(
    stage: StageName,
    partition: number,
    owner: string,
    heldEpoch?: number,
    lease?: string,
  ): Promise<ShardClaim> {
    interface Row {
      epoch: number;
      next_offset: number;
      emitted_offset: number;
      sources: string;
      outbox: string | null;
      released_at: number | null;
    }
    // Taken without our knowing is harmless: it is taken again, at a higher epoch.
    const [row] = await this.#read((sql) =>
      sql<Row[]>`select * from take_shard(
        ${stage}, ${partition}, ${owner}, ${heldEpoch ?? null}::bigint, ${lease ?? null})`
    );
    const marks = await this.#read((sql) => marked.selectMarks(sql, stage, partition));
    const sources: Record<string, SourcePosition> = JSON.parse(row!.sources);
    return {
      epoch: row!.epoch,
      nextOffset: row!.next_offset,
      emittedOffset: row!.emitted_offset,
      sources,
      outbox: decodeOutbox(row!.outbox),
      releasedAt: row!.released_at,
      ...marks,
    };
  }

  async load(
    stage: StageName,
    partition: number,
    actorIds: readonly string[],
    asOf?: AsOf,
  ): Promise<StoredActor[]> {
    // An id that the server refuses would fail those that others have asked for with it.
    const ids = new Set(actorIds.filter(isStorableText));
    if (ids.size === 0) return [];
    const wanted = JSON.stringify(Array.from(ids, (id) => ({ a: id, k: fingerprintBigint(id) })));
    const rows = await this.#read((sql) => {
      if (asOf !== undefined) return selectAsOf(sql, stage, partition, wanted, asOf);
      return stage === "player"
        ? selectPlayers(sql, partition, wanted)
        : selectParts(sql, stage, partition, wanted);
    });
    const actors = decodeActors(rows);
    if (asOf?.fromStart !== true || actors.length === 0) return actors;
    // After the rows: what is dropped in between is told of.
    const [shard] = await this.#read((sql) =>
      sql<{ dropped: boolean }[]>`select journal_from is not null as dropped from shard
        where stage = ${stage} and partition = ${partition}`
    );
    return shard?.dropped === true
      ? actors.map((actor) => ({ ...actor, isTruncated: true }))
      : actors;
  }

  async commit(batch: CommitBatch): Promise<void> {
    const { stage, partition, epoch, oldOffset, newOffset, emittedOffset, rows } = batch;
    const sources = Object.keys(batch.sources).length === 0 ? null : JSON.stringify(batch.sources);
    const journal = encodeRows(rows);
    const snapshots = encodeSnapshots(batch.snapshots);
    const outbox = encodeOutbox(batch.outbox);
    const timers = encodeTimers(batch.timers);
    const deadline = performance.now() + this.#timeoutMs;
    const first = rows[0];
    if (first !== undefined) await this.#makeDays(first.receivedAt, rows.at(-1)!.receivedAt);
    const marks = marked.encodeMarks(batch);
    const aliases = marked.encodeAliases(batch);
    await this.#run(this.#pool, deadline - performance.now(), (sql) => {
      const input = sql`
        ${stage}, ${partition}, ${epoch}, ${oldOffset}, ${newOffset}, ${emittedOffset}, ${sources},
        ${batch.cleanAt ?? null}, ${journal}, ${snapshots}, ${outbox}, ${timers},
        ${batch.hashChange}::text::numeric, ${batch.release ?? false}`;
      if (marks === null && aliases === null) return sql`select commit_batch(${input})`;
      const { halts, watches } = marks ?? marked.noMarks;
      return aliases === null
        ? sql`select commit_marked_batch(${input}, ${halts}, ${watches})`
        : sql`select commit_merging_batch(${input}, ${halts}, ${watches}, ${aliases})`;
    });
  }

  async behind(stage: StageName, partition: number): Promise<string[]> {
    if (stage !== "player") return [];
    const rows = await this.#read(
      (sql) => sql<{ actor_id: string }[]>`select * from actors_behind(${stage}, ${partition})`,
      this.#walker,
      this.#behindTimeoutMs,
    );
    return rows.map((row) => row.actor_id);
  }

  async snapshotted(
    stage: StageName,
    partition: number,
    after: string,
    limit: number,
  ): Promise<string[]> {
    const rows = await this.#read(
      (sql) =>
        sql<{ actor_id: string }[]>`
          select actor_id from snapshot
          where stage = ${stage} and partition = ${partition} and part = '' and actor_id > ${after}
          order by actor_id limit ${limit}`,
      this.#walker,
      this.#behindTimeoutMs,
    );
    return rows.map((row) => row.actor_id);
  }

  async shardHash(stage: StageName, partition: number): Promise<ShardHash> {
    const [row] = await this.#read(
      (sql) => sql<ShardHash[]>`select * from shard_hash(${stage}, ${partition})`,
      this.#walker,
      this.#behindTimeoutMs,
    );
    return row ?? { recorded: "0", summed: "0" };
  }

  async resetShardHash(stage: StageName, partition: number): Promise<void> {
    await this.#read(
      (sql) => sql`select reset_shard_hash(${stage}, ${partition})`,
      this.#walker,
      this.#behindTimeoutMs,
    );
  }

  async dueTimers(
    stage: StageName,
    partition: number,
    now: number,
    limit: number,
  ): Promise<DueTimer[]> {
    const rows = await this.#read((sql) =>
      sql<{ actor_id: string; name: string; due_at: number }[]>`
        select actor_id, name, (extract(epoch from due_at) * 1000)::float8 as due_at
        from timer
        where stage = ${stage} and partition = ${partition}
          and due_at <= to_timestamp(${now}::float8 / 1000)
        order by timer.due_at, actor_id, name limit ${limit}`
    );
    return rows.map((row) => ({ actorId: row.actor_id, name: row.name, dueAt: row.due_at }));
  }

  async downWatches(stage: StageName, partition: number, limit: number): Promise<DownWatch[]> {
    return await this.#read((sql) => marked.selectDownWatches(sql, stage, partition, limit));
  }

  async endWatches(
    stage: StageName,
    partition: number,
    watches: readonly DownWatch[],
  ): Promise<void> {
    // Ended without our knowing is harmless: it is ended again.
    await this.#read((sql) => marked.deleteWatches(sql, stage, partition, watches));
  }

  /** Sets the gauges of its pools, before they are looked at. */
  gauge(): void {
    for (const pool of [this.#pool, this.#readers, this.#walker]) pool.gauge();
  }

  async close(): Promise<void> {
    await Promise.all([this.#pool, this.#readers, this.#walker].map((pool) => pool.close()));
  }

  async #run<T>(pool: SqlPool, timeoutMs: number, statement: Statement<T>): Promise<T> {
    try {
      return await pool.run(timeoutMs, statement);
    } catch (error) {
      throw error instanceof postgres.PostgresError ? serverFault(error) : error;
    }
  }

  /** A statement that may be repeated: its outcome does not matter if nobody hears of it. */
  async #read<T>(
    statement: Statement<T>,
    pool: SqlPool = this.#readers,
    timeoutMs: number = this.#timeoutMs,
  ): Promise<T> {
    try {
      return await this.#run(pool, timeoutMs, statement);
    } catch (error) {
      if (!(error instanceof OutcomeUnknown)) throw error;
      throw new Unavailable("store", error.message, { cause: error.cause });
    }
  }

  /**
   * Sees to the partitions of the days between two arrivals, and ahead to the next two, which nobody
   * waits for. A day that cannot be made now is no harm: its rows go to the default partition.
   *
   * @throws {Unavailable} the server is away
   */
  async #makeDays(firstMs: number, lastMs: number): Promise<void> {
    const last = dayOf(lastMs);
    for (let day = dayOf(firstMs); day <= last; day++) await this.#makeDay(day);
    for (const ahead of [last + 1, last + 2]) this.#makeDay(ahead).catch(() => {});
  }

  async #makeDay(day: number): Promise<void> {
    const known = this.#days.get(day);
    if (typeof known === "number" && performance.now() < known) return;
    if (typeof known === "object") return await known;
    const date = dayText(day);
    // Half of a commit's time at most, so that the commit itself keeps to its deadline.
    const making = this.#pool.run(
      this.#timeoutMs / 2,
      (sql) => sql`select make_day_partition(${date}::text::date)`,
    ).then(() => {}, (error) => {
      if (error instanceof postgres.PostgresError) {
        this.#days.set(day, performance.now() + dayRetryMs);
        return;
      }
      this.#days.delete(day);
      throw new Unavailable("store", error.message, { cause: error });
    });
    this.#days.set(day, making);
    await making;
  }
}
