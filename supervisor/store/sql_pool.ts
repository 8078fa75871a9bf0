/**
 * A pool of connections that never mistakes silence for failure. Each statement has a deadline of
 * our own, as a stopped server never answers, and a connection of its own, which is known to be open
 * before the statement is sent: so we always know whether it may have happened.
 *
 * @module
 */
import type postgres from "postgres";
import { Unavailable } from "../../schema/errors.ts";
import { type MetricsSink, noMetrics } from "../observability/metrics_sink.ts";
import { connectFault, isConnectionLoss, silenceFault } from "./faults.ts";
import { openClient } from "./sql/client.ts";
import { letGo } from "./sql/let_go.ts";

export interface SqlPoolOptions {
  readonly url: string;
  /** Connections, opened when needed. */
  readonly connections: number;
  /** Server settings of each connection; those that the server does not know are left out. */
  readonly settings: Readonly<Record<string, string>>;
  /** Where and as whom it counts. @default nowhere */
  readonly metrics?: PoolMetrics;
}

/** What a pool's metrics are labelled with. */
export interface PoolMetrics {
  readonly sink: MetricsSink;
  /** What its statements are for: `commit`, `read` … */
  readonly pool: string;
  /** The thread that has it. */
  readonly worker: string;
}

/** One statement. It must be sent by itself, as its outcome is judged by itself. */
export type Statement<T> = (sql: postgres.Sql) => PromiseLike<T>;

interface Slot {
  /** A client of one connection; `undefined` until it is opened, or after it was lost. */
  client: postgres.Sql | undefined;
}

export class SqlPool {
  readonly #options: SqlPoolOptions;
  readonly #metrics: PoolMetrics;
  readonly #free: Slot[];
  readonly #waiting: ((slot: Slot) => void)[] = [];
  readonly #clients = new Set<postgres.Sql>();
  #closed = false;

  constructor(options: SqlPoolOptions) {
    this.#options = options;
    this.#metrics = options.metrics ?? { sink: noMetrics, pool: "", worker: "" };
    this.#free = Array.from({ length: options.connections }, () => ({ client: undefined }));
  }

  /**
   * Runs one statement, from waiting for a connection to its answer, within `timeoutMs`.
   *
   * @throws {Unavailable} it was not sent
   * @throws {OutcomeUnknown} it was sent and not answered
   * @throws {postgres.PostgresError} the server refused it, and nothing happened
   */
  async run<T>(timeoutMs: number, statement: Statement<T>): Promise<T> {
    const { sink, pool } = this.#metrics;
    const calledAt = performance.now();
    const deadline = calledAt + timeoutMs;
    const slot = await this.#take(deadline);
    const takenAt = performance.now();
    sink.observe("store_pool_wait_seconds", (takenAt - calledAt) / 1000, { pool });
    try {
      this.#assertOpen();
      const client = slot.client ??= await this.#open(slot, deadline);
      const sent = statement(client);
      try {
        const answer = await before(deadline, sent);
        letGo(sent);
        return answer;
      } catch (error) {
        if (!isConnectionLoss(error)) throw error;
        this.#discard(slot, client);
        throw silenceFault(error);
      }
    } catch (error) {
      sink.add("store_statement_failures_total", 1, { pool });
      throw error;
    } finally {
      sink.observe("store_statement_seconds", (performance.now() - takenAt) / 1000, { pool });
      this.#give(slot);
    }
  }

  /** Sets the gauges, before they are looked at. */
  gauge(): void {
    const { sink, pool, worker } = this.#metrics;
    const inUse = this.#options.connections - this.#free.length;
    sink.set("store_pool_in_use", inUse, { pool, worker });
    sink.set("store_pool_waiting", this.#waiting.length, { pool, worker });
  }

  /** Cuts what is still running. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#clients].map((client) => client.end({ timeout: 0 })));
  }

  async #take(deadline: number): Promise<Slot> {
    this.#assertOpen();
    const free = this.#free.pop();
    if (free !== undefined) return free;
    const { promise, resolve } = Promise.withResolvers<Slot>();
    this.#waiting.push(resolve);
    try {
      return await before(deadline, promise);
    } catch (cause) {
      const at = this.#waiting.indexOf(resolve);
      if (at >= 0) this.#waiting.splice(at, 1);
      else promise.then((slot) => this.#give(slot));
      throw new Unavailable("store", "No connection to PostgreSQL came free in time", { cause });
    }
  }

  #assertOpen(): void {
    if (this.#closed) throw new Unavailable("store", "The store is closed");
  }

  #give(slot: Slot): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#free.push(slot);
    else next(slot);
  }

  async #open(slot: Slot, deadline: number): Promise<postgres.Sql> {
    const { url, settings } = this.#options;
    const client: postgres.Sql = openClient(url, {
      max: 1,
      fetch_types: false,
      max_lifetime: null,
      idle_timeout: 0,
      connect_timeout: Math.max(1, Math.ceil((deadline - performance.now()) / 1000)),
      onnotice() {},
      // Lost while nobody used it: the next statement must not be the one to find out.
      onclose: () => {
        if (slot.client === client) this.#discard(slot, client);
      },
    });
    this.#clients.add(client);
    try {
      // The first statement opens the connection; it may fail without harm.
      await before(
        deadline,
        client`select set_config(s.name, x.value, false)
          from json_each_text(${JSON.stringify(settings)}::text::json) as x(name, value)
          join pg_settings s on s.name = x.name`,
      );
      return client;
    } catch (error) {
      this.#discard(slot, client);
      throw connectFault(error);
    }
  }

  #discard(slot: Slot, client: postgres.Sql): void {
    if (slot.client === client) slot.client = undefined;
    // Whatever still hangs on it has been answered for already.
    client.end({ timeout: 0 }).finally(() => this.#clients.delete(client));
  }
}

/** Rejects when `deadline` (of `performance.now()`) passes before `promise` settles. */
export async function before<T>(deadline: number, promise: PromiseLike<T>): Promise<T> {
  const ms = Math.max(0, deadline - performance.now());
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${Math.round(ms)} ms`)), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
