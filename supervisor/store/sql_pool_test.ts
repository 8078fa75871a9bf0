import assert from "node:assert/strict";
import { OutcomeUnknown } from "../../schema/errors.ts";
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

Deno.test("SqlPool: a statement that is given up is cancelled on the server", async () => {
  const server = await startTestingDatabase(import.meta.url);
  const settings = { client_connection_check_interval: "50", application_name: "given-up" };
  const pool = new SqlPool({ url: server.url, connections: 1, settings });
  const observer = new SqlPool({ url: server.url, connections: 1, settings: {} });
  const running = async () =>
    (await observer.run(60_000, (sql) =>
      sql`select from pg_stat_activity
        where application_name = 'given-up' and state = 'active' and query like '%pg_sleep%'`))
      .length;
  try {
    await pool.run(60_000, (sql) => sql`select 1`);
    const given = pool.run(1_000, (sql) => sql`select pg_sleep(600)`);
    while (await running() === 0);
    await assert.rejects(given, OutcomeUnknown);
    // It would sleep on for minutes, and hold what it has locked.
    while (await running() > 0);
  } finally {
    await pool.close();
    await observer.close();
    await server.close();
  }
});

Deno.test("SqlPool lets go of what a statement was sent with, and of its parts, once it is answered", async () => {
  const server = await startTestingDatabase(import.meta.url);
  const pool = new SqlPool({ url: server.url, connections: 1, settings: {} });
  try {
    const held: { args: unknown[] }[] = [];
    const [row] = await pool.run(60_000, (sql) => {
      const part = sql`${"a text"}::text || ${" of rows"}`;
      const whole = sql<{ text: string }[]>`select ${part} as text`;
      held.push(part as unknown as typeof held[0], whole as unknown as typeof held[0]);
      return whole;
    });
    assert.equal(row!.text, "a text of rows");
    assert.deepEqual(held.map(({ args }) => args), [[], []]);
  } finally {
    await pool.close();
    await server.close();
  }
});
