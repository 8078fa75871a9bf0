import assert from "node:assert/strict";
import { MetricsAccumulator } from "../observability/metrics_sink.ts";
import { SqlPool } from "./sql_pool.ts";
import { startTestingDatabase } from "./sql/testing_database.ts";

Deno.test("SqlPool counts who waits, who runs, and for how long", async () => {
  const server = await startTestingDatabase(import.meta.url);
  const sink = new MetricsAccumulator();
  const metrics = { sink, pool: "test", worker: "w" };
  const pool = new SqlPool({ url: server.url, connections: 1, settings: {}, metrics });
  const gauges = () => {
    pool.gauge();
    const { store_pool_in_use, store_pool_waiting, ...rest } = sink.drain();
    return { use: store_pool_in_use![0]![1], waiting: store_pool_waiting![0]![1], rest };
  };
  try {
    const first = pool.run(60_000, (sql) => sql`select pg_sleep(0.05)`);
    const second = pool.run(60_000, (sql) => sql`select 1`);
    const during = gauges();
    assert.deepEqual([during.use, during.waiting], [1, 1]);
    await Promise.all([first, second]);
    await assert.rejects(pool.run(60_000, (sql) => sql`select 1 / 0`));
    const after = gauges();
    assert.deepEqual([after.use, after.waiting], [0, 0]);
    const { store_statement_seconds, store_pool_wait_seconds, store_statement_failures_total } =
      after.rest;
    const took = store_statement_seconds![0]![1] as { sum: number; count: number };
    const waited = store_pool_wait_seconds![0]![1] as { sum: number; count: number };
    assert.deepEqual([took.count, store_statement_failures_total], [3, [[["test"], 1]]]);
    assert.ok(took.sum >= 0.05 && waited.sum >= 0.05, "the second one has waited for the first");
  } finally {
    await pool.close();
    await server.close();
  }
});
