/**
 * The store of a node as a child: the embedded PostgreSQL, or the one of `STORE_URL`, brought to the
 * code's schema. It starts in the background, as accepting events does not need it.
 *
 * @module
 */
import { Terminal } from "../../schema/errors.ts";
import type { Topics } from "../../schema/topics.ts";
import { logger } from "../observability/logger.ts";
import type { MetricsSink } from "../observability/metrics_sink.ts";
import type { PartHealth } from "../platform.ts";
import { aborted, type Clock } from "../shard/clock.ts";
import { retry } from "../shard/retry.ts";
import type { DataDirLock } from "../store/data_dir_lock.ts";
import { type EmbeddedPostgres, startEmbeddedPostgres } from "../store/embedded_postgres.ts";
import { EventReader } from "../store/event_reader.ts";
import { holdToLog } from "../store/log_identity.ts";
import { prepareDatabase } from "../store/migrate.ts";
import { type EventSource, ReplicaEvents } from "../store/sql/replica_events.ts";
import { SqlPool } from "../store/sql_pool.ts";
import type { ChildSpec } from "../tree/child.ts";
import { permanentChild } from "../tree/run_child.ts";

export interface StorePartOptions {
  /** `embedded:` or `postgres://…`. */
  readonly storeUrl: string;
  readonly lock: DataDirLock;
  readonly topics: Topics;
  readonly clock: Clock;
  /** Of a replica that answers queries for events. @default none */
  readonly readUrl?: string | undefined;
  readonly sink: MetricsSink;
  /** Names the log whose offsets the store counts. @default the store is not held to a log */
  readonly logId?: () => Promise<string>;
  /** @default true */
  readonly mayMigrate?: boolean;
}

const shutdownMs = 10_000;
const probeMs = 1_000;

/** Why the store does not answer; `undefined` when it does. */
async function probe(pool: SqlPool): Promise<string | undefined> {
  try {
    await pool.run(2 * probeMs, (sql) => sql`select 1`);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

export class StorePart {
  readonly #log = logger("store");
  #prepared = Promise.withResolvers<string>();
  readonly #refused = Promise.withResolvers<Terminal>();
  #fault: string | undefined = "starting";
  #reader: EventSource | undefined;

  constructor(readonly options: StorePartOptions) {}

  /** Resolves when the store has the code's schema; rejects with the signal's reason. */
  url(signal: AbortSignal): Promise<string> {
    return new Promise((resolve, reject) => {
      signal.addEventListener("abort", () => reject(signal.reason), { once: true });
      this.#prepared.promise.then(resolve, reject);
    });
  }

  /** Resolves when the store can never serve this node: what it is told to use is not for it. */
  get refused(): Promise<Terminal> {
    return this.#refused.promise;
  }

  get reader(): EventSource | undefined {
    return this.#reader;
  }

  health(): PartHealth {
    return this.#fault === undefined
      ? { part: "store", ready: true }
      : { part: "store", ready: false, reason: this.#fault };
  }

  spec(): ChildSpec {
    return permanentChild("store", shutdownMs, (stop) => this.#run(stop));
  }

  async #run(stop: AbortSignal): Promise<void> {
    let server: EmbeddedPostgres | undefined;
    let pool: SqlPool | undefined;
    try {
      const { storeUrl, lock, topics, clock, mayMigrate = true } = this.options;
      if (storeUrl === "embedded:") {
        const { dataDir } = lock;
        server = await startEmbeddedPostgres({ dataDir, lock, log: this.#log });
      }
      const url = server?.url ?? storeUrl;
      const onRetry = (error: Error) => this.#wait(error.message);
      const onNotice = (message: string) => this.#log.warn(message);
      const prepare = () => prepareDatabase(url, topics, { mayMigrate, onNotice });
      await retry(prepare, { clock, signal: stop, onRetry });
      const logId = await this.#logId(stop);
      if (logId !== undefined) {
        await retry(() => holdToLog(url, logId), { clock, signal: stop, onRetry });
      }
      this.#reader ??= this.#openReader(url);
      this.#fault = undefined;
      this.#prepared.resolve(url);
      pool = new SqlPool({ url, connections: 1, settings: {} });
      await this.#watch(server, pool, stop);
      if (!stop.aborted) throw new Error("PostgreSQL has ended by itself");
    } catch (error) {
      if (stop.aborted) return;
      this.#fault = error instanceof Error ? error.message : String(error);
      if (!(error instanceof Terminal)) throw error;
      this.#log.error(error.message, { code: error.code });
      // Once it has served, what is accepted can wait in the log for it to come back.
      if (this.#reader !== undefined) throw error;
      this.#refused.resolve(error);
      // To be started again would say the same once more.
      await aborted(stop);
    } finally {
      if (stop.aborted) await this.#reader?.close();
      await pool?.close();
      await server?.stop();
    }
  }

  /** Waits for the log, as the shards would. */
  #logId(stop: AbortSignal): Promise<string | undefined> {
    return Promise.race([this.options.logId?.(), aborted(stop).then(() => undefined)]);
  }

  #openReader(url: string): EventSource {
    const { readUrl, sink, clock } = this.options;
    const open = (url: string, pool: string) =>
      new EventReader({ url, metrics: { sink, pool, worker: "main" } });
    const primary = open(url, "events");
    if (readUrl === undefined) return primary;
    const replica = open(readUrl, "replica");
    return new ReplicaEvents({ primary, replica, sink, now: () => clock.now() });
  }

  /** Says once why the store is waited for, not at each attempt. */
  #wait(reason: string): void {
    if (this.#fault !== reason) this.#log.warn("Waiting for the store", { reason });
    this.#fault = reason;
  }

  /** Looks after the server until `stop` aborts or an embedded one ends. */
  async #watch(
    server: EmbeddedPostgres | undefined,
    pool: SqlPool,
    stop: AbortSignal,
  ): Promise<void> {
    let ended = false;
    void server?.exited.then(() => ended = true);
    while (!stop.aborted && !ended) {
      this.#fault = await probe(pool);
      await this.options.clock.sleep(probeMs, stop);
    }
    this.#fault = ended ? "PostgreSQL has ended" : "stopping";
  }
}
