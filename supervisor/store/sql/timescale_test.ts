import assert from "node:assert/strict";
import postgres from "postgres";
import { topicTable } from "../../../schema/topics.ts";
import { MetricsAccumulator } from "../../observability/metrics_sink.ts";
import { commitBatch, journalRow, midnight } from "../contract/fixtures.ts";
import { prepareDatabase } from "../migrate.ts";
import { PostgresStore } from "../postgres_store.ts";
import { Rollups } from "./rollups.ts";
import { startTestingDatabase, testingServiceUrl } from "./testing_database.ts";
import { adoptTimescale } from "./timescale.ts";

async function offersTimescale(url: string | undefined): Promise<boolean> {
  if (url === undefined) return false;
  const sql = postgres(url, { max: 1, onnotice() {} });
  const rows = await sql`select from pg_available_extensions where name = 'timescaledb'`;
  await sql.end();
  return rows.length > 0;
}

const isOffered = await offersTimescale(testingServiceUrl());

Deno.test("adoptTimescale() leaves a server without the extension on native partitions", async () => {
  const server = await startTestingDatabase(import.meta.url);
  try {
    assert.equal(await adoptTimescale(server.url, 1), "unavailable");
    const sql = postgres(server.url, { max: 1, onnotice() {} });
    const [row] = await sql`select relkind from pg_class where relname = 'player_events'`;
    assert.equal(row!.relkind, "p");
    await sql.end();
  } finally {
    await server.close();
  }
});

Deno.test({
  name: "adoptTimescale() makes a hypertable with the same views (needs TimescaleDB at STORE_URL)",
  ignore: !isOffered,
  async fn() {
    const server = await startTestingDatabase(new URL("?service", import.meta.url).href);
    const url = await server.newDatabase();
    await prepareDatabase(url, topicTable());
    const sql = postgres(url, { max: 1, onnotice() {} });
    const store = new PostgresStore({ url });
    const rollups = new Rollups({ url, sink: new MetricsAccumulator() });
    try {
      assert.equal(await adoptTimescale(url, 1), "there");
      const [table] = await sql`select compression_enabled as compressed
        from timescaledb_information.hypertables where hypertable_name = 'player_events'`;
      assert.equal(table!.compressed, true);
      const { epoch } = await store.takeShard("player", 0, "test");
      const rows = Array.from({ length: 50 }, (_, i) => ({
        ...journalRow("s/ann", i, { event_type: "level.start" }),
        receivedAt: midnight + i * 600_000,
      }));
      await store.commit(commitBatch({ partition: 0, epoch, oldOffset: 0, newOffset: 50, rows }));
      const [actor] = await store.load("player", 0, ["s/ann"]);
      assert.equal(actor!.journal.length, 50);
      await rollups.advance(new AbortController().signal);
      const [sum] = await sql`select sum(events)::int as events from events_hourly`;
      assert.equal(sum!.events, 50);
      const [policies] = await sql`select count(*)::int as n from timescaledb_information.jobs
        where hypertable_name in ('player_events', 'events_hourly_continuous')
          or proc_name like 'policy_refresh%'`;
      assert.ok(policies!.n >= 2);
    } finally {
      await rollups.close();
      await store.close();
      await sql.end();
      await server.close();
    }
  },
});
