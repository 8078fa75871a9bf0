import assert from "node:assert/strict";
import postgres from "postgres";
import { DAY_MS } from "../../../schema/limits.ts";
import { createLogger } from "../../observability/logger.ts";
import { MetricsAccumulator } from "../../observability/metrics_sink.ts";
import { commitBatch, freshPartition, journalRow, snapshotPart } from "../contract/fixtures.ts";
import {
  startTestingServer,
  stopTestingServer,
  type TestingServer,
} from "../embedded/testing_server.ts";
import { PostgresStore } from "../postgres_store.ts";
import { JournalRetention } from "./journal_retention.ts";

let server: TestingServer;
let store: PostgresStore;
let sql: postgres.Sql;

Deno.test.beforeAll(async () => {
  server = await startTestingServer();
  store = new PostgresStore({ url: server.url });
  sql = postgres(server.url, { max: 2, onnotice() {} });
});

Deno.test.afterAll(async () => {
  await store.close();
  await sql.end();
  await stopTestingServer(server);
});

/** When these tests run: rows that are older than 90 days arrived before 2 March. */
const now = Date.UTC(2026, 4, 31, 12);
const firstDay = Date.UTC(2026, 1, 10, 23);

/** Retention at `now`; what it logged and counted. */
function retention(days = 90) {
  const lines: Record<string, unknown>[] = [];
  const sink = new MetricsAccumulator();
  const log = createLogger({
    write: (line) => lines.push(JSON.parse(line)),
    level: () => "info",
  });
  const url = () => Promise.resolve(server.url);
  const job = new JournalRetention({ url, days, now: () => now, log, sink });
  return { job, lines, sink };
}

/** Rows of `s/a` on the first day, of `s/b` on the day after, and of `s/c` today. */
async function shard() {
  // One that knows of no days: what is dropped comes again here.
  await store.close();
  store = new PostgresStore({ url: server.url });
  const partition = freshPartition();
  const { epoch } = await store.takeShard("player", partition, "a");
  const rows = [["s/a", 0], ["s/b", DAY_MS], ["s/c", now - firstDay]].map(([id, ms], offset) => ({
    ...journalRow(`${id}`, offset),
    receivedAt: firstDay + Number(ms),
  }));
  let at = 0;
  const commit = async (change: object, newOffset = at) => {
    const batch = commitBatch({ partition, epoch, oldOffset: at, newOffset, ...change });
    await store.commit(batch);
    at = newOffset;
  };
  await commit({ rows: rows.slice(0, 2) }, 2);
  await commit({ rows: rows.slice(2) }, 3);
  return { partition, commit };
}

const days = async () => {
  const rows = await sql<{ day: string }[]>`select day::text as day from journal_days()`;
  return rows.map(({ day }) => day).filter((day) => day <= "2026-02-11");
};
const never = new AbortController().signal;

/** A round; of the days that the store has made ahead, without rows, nothing is told. */
async function roundOf(job: JournalRetention) {
  await sql`select advance_rollups(1000)`;
  const round = (await job.round(never))!;
  const dropped = round.dropped.filter((day) => day <= "2026-02-11");
  return { dropped, held: round.held.filter(({ day }) => day <= "2026-02-11") };
}

Deno.test("JournalRetention.round() drops a day once every actor in it has a later snapshot", async () => {
  const { partition, commit } = await shard();
  const { job, lines, sink } = retention();
  const held = (day: string, id: string) => (
    { day, by: `shard player/${partition} has no later snapshot of ${id}` }
  );
  try {
    const both = [held("2026-02-10", "s/a"), held("2026-02-11", "s/b")];
    assert.deepEqual(await roundOf(job), { dropped: [], held: both });
    assert.equal(sink.drain().journal_days_held_back![0]![1], 2);
    assert.deepEqual(await roundOf(job), { dropped: [], held: both });
    const warned = lines.filter(({ level }) => level === "warn").map(({ by }) => by);
    assert.deepEqual(warned, [both[0]!.by], "said once");

    // A snapshot of before its row is none.
    await commit({ snapshots: [snapshotPart("s/a", 0), snapshotPart("s/b", 0)] });
    assert.deepEqual(await roundOf(job), { dropped: ["2026-02-10"], held: [both[1]] });
    assert.deepEqual(await days(), ["2026-02-11"]);
    await commit({ snapshots: [snapshotPart("s/b", 1)] });
    assert.deepEqual(await roundOf(job), { dropped: ["2026-02-11"], held: [] });
    assert.deepEqual(await days(), []);
    const { journal_days_dropped_total: dropped, journal_days_held_back: left } = sink.drain();
    assert.ok(Number(dropped![0]![1]) >= 2);
    assert.equal(left![0]![1], 0);
    const [actor] = await store.load("player", partition, ["s/a"]);
    assert.deepEqual([actor!.parts.length, actor!.journal], [1, []], "loaded from its snapshot");
    const [young] = await store.load("player", partition, ["s/c"], { fromStart: true });
    assert.deepEqual([young!.journal.length, young!.isTruncated], [1, true]);
    assert.match(String(lines.at(-1)!["dropped"]), /2026-02-11/);
  } finally {
    await job.close();
  }
});

Deno.test("JournalRetention.round() takes a shard's clean time at its word, and looks at no row before it", async () => {
  const { partition, commit } = await shard();
  const { job } = retention();
  try {
    await commit({ cleanAt: firstDay + DAY_MS });
    const by = `shard player/${partition} has no later snapshot of s/b`;
    const round = await roundOf(job);
    assert.deepEqual(round, { dropped: ["2026-02-10"], held: [{ day: "2026-02-11", by }] });
    await commit({ cleanAt: firstDay + DAY_MS + 1 });
    assert.deepEqual((await roundOf(job)).dropped, ["2026-02-11"]);
  } finally {
    await job.close();
  }
});

Deno.test("JournalRetention.round() keeps all with 0 days, and days that are young enough", async () => {
  const { commit } = await shard();
  await commit({ cleanAt: now });
  for (const [keep, dropped] of [[0, undefined], [110, []], [109, ["2026-02-10"]]] as const) {
    const { job } = retention(keep);
    assert.deepEqual(
      (keep === 0 ? await job.round(never) : await roundOf(job))?.dropped,
      dropped,
      `${keep} days`,
    );
    await job.close();
  }
  const { job } = retention(1);
  await job.round(never);
  await job.close();
});

Deno.test("JournalRetention.round() leaves a day to another node, and to who reads it", async () => {
  const { commit } = await shard();
  await commit({ cleanAt: now });
  const { job, lines } = retention();
  const other = await sql.reserve();
  try {
    await other`select pg_advisory_lock(72, 0)`;
    assert.deepEqual(
      (await roundOf(job)).held.map(({ by }) => by),
      ["another node is at it", "another node is at it"],
    );
    await other`select pg_advisory_unlock(72, 0)`;
    await other`begin`;
    await other`select count(*) from player_events`;
    assert.deepEqual(
      (await roundOf(job)).held.map(({ by }) => by),
      ["the table is being read", "the table is being read"],
    );
    await other`rollback`;
    assert.equal((await roundOf(job)).dropped.length, 2);
    assert.ok(lines.length >= 2);
  } finally {
    other.release();
    await job.close();
  }
});

Deno.test("JournalRetention.round() keeps what the rollups have not counted", async () => {
  const { partition, commit } = await shard();
  await commit({ cleanAt: now });
  const { job } = retention();
  const { held } = (await job.round(never))!;
  const by = `the rollups have not counted shard player/${partition} yet`;
  assert.deepEqual(held, [{ day: "2026-02-10", by }, { day: "2026-02-11", by }]);
  assert.equal((await roundOf(job)).dropped.length, 2);
  const [row] = await sql<{ events: number }[]>`
    select sum(events)::int as events from events_daily where day <= '2026-02-11'`;
  assert.ok(row!.events >= 2, "they outlive the journal");
  await job.close();
});

Deno.test("JournalRetention.round() waits for the next round when the store is away", async () => {
  const { lines, sink } = retention();
  const log = createLogger({ write: (line) => lines.push(JSON.parse(line)), level: () => "info" });
  const url = () => Promise.resolve("postgres://nobody@127.0.0.1:1/none");
  const job = new JournalRetention({ url, days: 90, now: () => now, log, sink });
  assert.equal(await job.round(never), undefined);
  assert.equal(lines[0]!["msg"], "Could not drop old days of the journal");
  await job.close();
});
