import assert from "node:assert/strict";
import postgres from "postgres";
import { MetricsAccumulator } from "../../observability/metrics_sink.ts";
import { commitBatch, journalRow, midnight } from "../contract/fixtures.ts";
import { PostgresStore } from "../postgres_store.ts";
import { Rollups } from "./rollups.ts";
import { startTestingDatabase, type TestingDatabase } from "./testing_database.ts";

const hourMs = 3_600_000;
const never = new AbortController().signal;

let server: TestingDatabase;
let store: PostgresStore;
let sql: postgres.Sql;

Deno.test.beforeAll(async () => {
  server = await startTestingDatabase(import.meta.url);
  store = new PostgresStore({ url: server.url });
  sql = postgres(server.url, { max: 2, onnotice() {} });
});

Deno.test.afterAll(async () => {
  await store.close();
  await sql.end();
  await server.close();
});

/** Commits rows to a shard; `late` shifts their arrival. */
async function fill(partition: number, from: number, count: number, startMs: number) {
  const { epoch, nextOffset } = await store.takeShard("player", partition, "test");
  const rows = Array.from({ length: count }, (_, i) => {
    const n = from + i;
    const row = journalRow(`s${partition % 2}/u-${n % 17}`, n, {
      event_type: n % 7 === 0 ? "$timer" : n % 3 === 0 ? "purchase" : "level.start",
      game_id: `g-${n % 4}`,
      properties: n % 3 === 0 ? { amount: n, currency: n % 2 === 0 ? "USD" : "EUR" } : {},
    });
    return { ...row, receivedAt: startMs + i * 60_000 };
  });
  await store.commit(
    commitBatch({
      partition,
      epoch,
      oldOffset: nextOffset,
      newOffset: from + count + 3,
      rows,
    }),
  );
}

/** What the journal says: the rollups must be equal to it, row by row. */
const truth = () =>
  sql`select studio, game_id, event_type,
      case when event_type = 'purchase' then properties ->> 'currency' else '' end as currency,
      date_trunc('hour', received_at, 'UTC') as hour, count(*)::int as events,
      sum(case when event_type = 'purchase' then (properties ->> 'amount')::int else 0 end)::int
        as revenue
    from player_events where not internal group by 1, 2, 3, 4, 5 order by 1, 2, 3, 4, 5`;

const rolled = () =>
  sql`select studio, game_id, event_type, currency, hour, events::int, revenue_minor::int as revenue
    from events_hourly order by 1, 2, 3, 4, 5`;

Deno.test("advance() counts every row once, in steps, however shards lag behind each other", async () => {
  const sink = new MetricsAccumulator();
  const rollups = new Rollups({ url: server.url, sink, rowsMax: 40 });
  const equal = async () => assert.deepEqual([...await rolled()], [...await truth()]);
  try {
    await fill(0, 0, 300, midnight);
    await fill(1, 0, 100, midnight + 2 * hourMs);
    await rollups.advance(never);
    await equal();
    // A shard that was not seen before, with arrivals older than what is counted.
    await fill(2, 0, 150, midnight - 30 * hourMs);
    await fill(0, 310, 50, midnight + 300 * 60_000);
    await rollups.advance(never);
    await equal();
    assert.equal(await rollups.advance(never), 0);
    // A commit without rows moves the shard, and there is nothing to count.
    await fill(1, 200, 0, midnight);
    assert.equal(await rollups.advance(never), 0);
    await fill(1, 300, 10, midnight + 5 * hourMs);
    assert.equal(await rollups.advance(never), 10);
    await equal();
  } finally {
    await rollups.close();
  }
});

Deno.test("advance() by several nodes at once, with commits in between, counts every row once", async () => {
  const nodes = Array.from(
    { length: 3 },
    () => new Rollups({ url: server.url, sink: new MetricsAccumulator(), rowsMax: 7 }),
  );
  try {
    let isDone = false;
    const running = nodes.map(async (node) => {
      while (!isDone) await node.advance(never);
    });
    for (let i = 0; i < 10; i++) {
      await Promise.all([3, 4].map((p) => fill(p, i * 40, 30, midnight + i * hourMs)));
    }
    isDone = true;
    await Promise.all(running);
    await nodes[0]!.advance(never);
    assert.deepEqual([...await rolled()], [...await truth()]);
  } finally {
    await Promise.all(nodes.map((node) => node.close()));
  }
});

Deno.test("events_daily adds up the hours of a day", async () => {
  const [day] = await sql`select sum(events)::int as events from events_daily`;
  const [all] = await sql`select count(*)::int as events from player_events where not internal`;
  assert.equal(day!.events, all!.events);
});

Deno.test("advance() of a store that is away is counted and thrown at nobody", async () => {
  const sink = new MetricsAccumulator();
  const rollups = new Rollups({ url: "postgres://x:y@127.0.0.1:1/none", sink });
  assert.equal(await rollups.advance(never), 0);
  assert.deepEqual(sink.drain().rollup_failures_total, [[[], 1]]);
  await rollups.close();
});
