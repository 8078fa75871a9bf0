/**
 * Keeps the rollups up with the journal, beside the commits and never in their way: on a connection of
 * its own, a bounded number of rows at a time. Any node may; one at a time does.
 *
 * @module
 */
import postgres from "postgres";
import { OutcomeUnknown, Unavailable } from "../../../schema/errors.ts";
import { limits } from "../../../schema/limits.ts";
import type { MetricsSink } from "../../observability/metrics_sink.ts";
import { SqlPool } from "../sql_pool.ts";
import { deadlines } from "./deadlines.ts";

export interface RollupsOptions {
  /** `postgres://` URL of a prepared database. */
  readonly url: string;
  readonly sink: MetricsSink;
  /** Rows of a shard that one call counts. @default limits.rollupRowsMax */
  readonly rowsMax?: number;
}

export class Rollups {
  readonly #pool: SqlPool;

  constructor(readonly options: RollupsOptions) {
    const settings = {
      application_name: "gamemetrics-rollups",
      ...deadlines(limits.rollupTimeoutMs),
      // The walk along the index ends at its limit; a plan that sorts a day never does.
      enable_seqscan: "off",
      enable_bitmapscan: "off",
      enable_sort: "off",
    };
    const metrics = { sink: options.sink, pool: "rollup", worker: "main" };
    this.#pool = new SqlPool({ url: options.url, connections: 1, settings, metrics });
  }

  /**
   * Counts what has come in since the last call. A store that is away is no harm: the next call goes on
   * where the last one that was committed ended, also when nobody heard of its end.
   *
   * @param stop ends it at once, and for good
   * @returns rows looked at
   */
  async advance(stop: AbortSignal): Promise<number> {
    const { sink, rowsMax = limits.rollupRowsMax } = this.options;
    let total = 0;
    // What is cut then is rolled back, and counted by whoever goes on.
    const onStop = () => void this.#pool.close();
    stop.addEventListener("abort", onStop, { once: true });
    try {
      while (!stop.aborted) {
        const [row] = await this.#pool.run(
          limits.rollupTimeoutMs,
          (sql) => sql<{ rows: number }[]>`select advance_rollups(${rowsMax})::float8 as rows`,
        );
        const rows = row!.rows;
        total += rows;
        sink.add("rollup_rows_total", rows);
        if (rows < rowsMax) break;
      }
    } catch (error) {
      const isAway = error instanceof Unavailable || error instanceof OutcomeUnknown ||
        error instanceof postgres.PostgresError;
      if (!isAway) throw error;
      if (!stop.aborted) sink.add("rollup_failures_total", 1);
    } finally {
      stop.removeEventListener("abort", onStop);
    }
    return total;
  }

  async close(): Promise<void> {
    await this.#pool.close();
  }
}
