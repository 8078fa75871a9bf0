import assert from "node:assert/strict";
import fc from "fast-check";
import postgres from "postgres";
import { InvariantBroken } from "../../schema/errors.ts";
import { DAY_MS } from "../../schema/limits.ts";
import { MemoryStore } from "./memory_store.ts";
import { PostgresStore } from "./postgres_store.ts";
import {
  commitBatch,
  freshPartition,
  journalRow,
  midnight,
  snapshotPart,
} from "./contract/fixtures.ts";
import { aliasContract } from "./contract/alias_contract.ts";
import { storeContract } from "./store_contract.ts";
import type { AliasChange, CommitBatch, Store } from "./store.ts";
import { startTestingDatabase, type TestingDatabase } from "./sql/testing_database.ts";

let server: TestingDatabase;
let store: PostgresStore;
let sql: postgres.Sql;

Deno.test.beforeAll(async () => {
  server = await startTestingDatabase(import.meta.url);
  store = new PostgresStore({ url: server.url });
  sql = postgres(server.url, { max: 1, onnotice() {} });
});

Deno.test.afterAll(async () => {
  await store.close();
  await sql.end();
  await server.close();
});

storeContract("PostgresStore", () => store);

aliasContract("PostgresStore", () => store, async (_, studio) => {
  const rows = await sql<AliasChange[]>`
    select studio, alias_id as "aliasId", user_id as "userId",
      (extract(epoch from linked_at) * 1000)::float8 as at
    from player_alias where studio = ${studio} order by alias_id`;
  return rows.map((row) => ({ ...row }));
});

Deno.test("commit() of a row that PostgreSQL refuses throws InvariantBroken and writes nothing", async () => {
  const partition = freshPartition();
  const { epoch } = await store.takeShard("player", partition, "a");
  const good = journalRow("s/refused", 0);
  const values = [
    good.value.slice(0, -1),
    good.value.replace(`"properties":{"level":0}`, `"properties":null`),
    good.value.replace(`"level":0`, `"level":"\\u0000"`),
  ];
  for (const value of values) {
    const rows = [good, { ...good, offset: 1, value }];
    const snapshots = [snapshotPart("s/refused", 0)];
    const batch = commitBatch({ partition, epoch, oldOffset: 0, newOffset: 2, rows, snapshots });
    await assert.rejects(store.commit(batch), InvariantBroken);
  }
  assert.deepEqual(await store.load("player", partition, ["s/refused"]), []);
  await store.commit(commitBatch({ partition, epoch, oldOffset: 0, newOffset: 1, rows: [good] }));
});

Deno.test("commit() keeps milliseconds exact", async () => {
  const partition = freshPartition();
  const { epoch } = await store.takeShard("player", partition, "a");
  const rows = Array.from({ length: 3000 }, (_, offset) => {
    const at = midnight + Math.floor(offset * 31_337.77);
    return { ...journalRow("s/ms", offset, { timestamp: at - 999_999_937 }), receivedAt: at };
  });
  const snapshots = [snapshotPart("s/other", 0)];
  await store.commit(
    commitBatch({ partition, epoch, oldOffset: 0, newOffset: 3000, rows, snapshots }),
  );
  const [actor] = await store.load("player", partition, ["s/ms"]);
  assert.deepEqual(
    actor!.journal.map((e) => [e.receivedAt, JSON.parse(e.value).timestamp]),
    rows.map((row) => [row.receivedAt, JSON.parse(row.value).timestamp]),
  );
});

Deno.test("commit() puts each row into the partition of its day, made ahead", async () => {
  const partition = freshPartition();
  const { epoch } = await store.takeShard("player", partition, "a");
  const first = Date.UTC(2031, 4, 1, 23, 59, 59, 999);
  const rows = [first, first + 1, first + DAY_MS].map((receivedAt, offset) => ({
    ...journalRow("s/day", offset),
    receivedAt,
  }));
  await store.commit(commitBatch({ partition, epoch, oldOffset: 0, newOffset: 3, rows }));
  const found = await sql`
    select tableoid::regclass::text as name, "offset"::int from player_events
    where user_id = 'day' order by "offset"`;
  assert.deepEqual(found.map((row) => [row.name, row.offset]), [
    ["player_events_20310501", 0],
    ["player_events_20310502", 1],
    ["player_events_20310502", 2],
  ]);
  const ahead = async () =>
    (await sql`select to_regclass('player_events_20310504') is not null as made`)[0]!.made;
  while (!await ahead());
});

Deno.test("commit() goes to the default partition while a reader holds it, and a later one moves the rows", async () => {
  const patient = new PostgresStore({ url: server.url });
  const partition = freshPartition();
  const { epoch } = await patient.takeShard("player", partition, "a");
  const receivedAt = Date.UTC(2033, 0, 1, 12);
  const row = (offset: number) => ({ ...journalRow("s/late", offset), receivedAt });
  await sql.begin(async (tx) => {
    await tx`select count(*) from player_events_default`;
    await patient.commit(
      commitBatch({ partition, epoch, oldOffset: 0, newOffset: 1, rows: [row(0)] }),
    );
  });
  const place = async () =>
    (await sql`
    select tableoid::regclass::text as name from player_events where user_id = 'late'`)
      .map((found) => found.name);
  assert.deepEqual(await place(), ["player_events_default"]);
  await sql`select make_day_partition('2033-01-01')`;
  assert.deepEqual(await place(), ["player_events_20330101"]);
  assert.equal((await patient.load("player", partition, ["s/late"]))[0]!.journal.length, 1);
  await patient.close();
});

Deno.test("load() reads the whole journal again when a snapshot was deleted", async () => {
  for (const remove of ["delete from snapshot where actor_id = 's/lost'", "truncate snapshot"]) {
    const partition = freshPartition();
    const { epoch } = await store.takeShard("player", partition, "a");
    await store.commit(commitBatch({
      partition,
      epoch,
      oldOffset: 0,
      newOffset: 2,
      rows: [journalRow("s/lost", 0), journalRow("s/lost", 1)],
      snapshots: [snapshotPart("s/lost", 1)],
      cleanAt: midnight + 5 * DAY_MS,
    }));
    assert.equal((await store.load("player", partition, ["s/lost"]))[0]!.journal.length, 0);
    await sql.unsafe(remove);
    const [actor] = await store.load("player", partition, ["s/lost"]);
    assert.deepEqual(actor!.journal.map((event) => event.offset), [0, 1]);
  }
});

Deno.test("every statement stays a lookup when its plan was made on empty tables", async () => {
  const fresh = await startTestingDatabase(import.meta.url);
  // A plan that reads a table for each actor would need many times as long.
  const strict = new PostgresStore({
    url: fresh.url,
    connections: 1,
    timeoutMs: 1500,
    behindTimeoutMs: 3000,
  });
  const filler = postgres(fresh.url, { max: 1 });
  try {
    const ids = Array.from({ length: 2000 }, (_, i) => `s/never-${i}`);
    const timers = ids.map((actorId) => ({ actorId, name: "x", dueAt: null }));
    const { epoch } = await strict.takeShard("player", 0, "a");
    const all = async (oldOffset: number, newOffset: number) => {
      const batch = commitBatch({ partition: 0, epoch, oldOffset, newOffset, timers });
      await strict.commit({ ...batch, snapshots: [snapshotPart("s/one", 0)] });
      assert.deepEqual(await strict.load("player", 0, ids), []);
      assert.deepEqual(await strict.load("player", 0, ids, { offset: 9 }), []);
      assert.deepEqual(await strict.load("game", 0, ids), []);
      assert.deepEqual(await strict.dueTimers("player", 0, 0, 10), []);
      return await strict.behind("player", 0);
    };
    assert.deepEqual(await all(0, 1), []);
    await filler`insert into snapshot
      select stage, 0, 's/' || i, '', i, 1, '', '{}' from generate_series(1, 20000) i,
        unnest(array['player', 'game']) stage`;
    await filler`insert into timer
      select 'player', 0, 's/' || i, 'x', now() from generate_series(1, 20000) i`;
    await filler`insert into player_events
      select 0, i, now(), i, 's', 'u' || i, 'g', 'e', 't', null, now(), '{}', '{}', false
      from generate_series(1, 20000) i`;
    assert.equal((await all(1, 2)).length, 20_000);
  } finally {
    await filler.end();
    await strict.close();
    await fresh.close();
  }
});

Deno.test("game_days shows the day parts of games", async () => {
  const partition = freshPartition();
  const { epoch } = await store.takeShard("game", partition, "a");
  const body = JSON.stringify({ events: 7, dau: 3, revenue: { USD: 499, EUR: 5 } });
  await store.commit(commitBatch({
    stage: "game",
    partition,
    epoch,
    oldOffset: 0,
    newOffset: 1,
    snapshots: [
      snapshotPart("viewed/a/b", 0),
      snapshotPart("viewed/a/b", 0, "day:2026-01-31", body),
      snapshotPart("viewed/a/b", 0, "board:top"),
    ],
  }));
  const rows = await sql`
    select game_id, day::text, events::int, dau::int, payers::int,
      (revenue ->> 'USD')::int as usd from game_days where studio = 'viewed'`;
  assert.deepEqual(rows.map((row) => ({ ...row })), [
    { game_id: "a/b", day: "2026-01-31", events: 7, dau: 3, payers: 0, usd: 499 },
  ]);
});

/** One step of a shard's life, for both stores alike. */
interface Step {
  readonly retake: boolean;
  readonly rows: readonly number[];
  readonly snapshot: number | null;
  readonly timer: { readonly actor: number; readonly dueAt: number | null } | null;
  readonly emitted: boolean;
  readonly wrongOffset: boolean;
}

const step: fc.Arbitrary<Step> = fc.record({
  retake: fc.boolean(),
  rows: fc.array(fc.nat(3), { maxLength: 5 }),
  snapshot: fc.option(fc.nat(3)),
  timer: fc.option(
    fc.record({ actor: fc.nat(3), dueAt: fc.option(fc.nat(50).map((n) => midnight + n)) }),
  ),
  emitted: fc.boolean(),
  wrongOffset: fc.boolean(),
});

/** Runs the steps and returns everything that could be seen after each. */
async function live(on: Store, partition: number, prefix: string, steps: readonly Step[]) {
  const ids = [0, 1, 2, 3].map((i) => `${prefix}/p${i}`);
  const seen: unknown[] = [];
  let claim = await on.takeShard("player", partition, "model");
  let offset = 0;
  for (const { retake, rows, snapshot, timer, emitted, wrongOffset } of steps) {
    if (retake) claim = await on.takeShard("player", partition, "model");
    const newOffset = offset + rows.length + 1;
    const batch: CommitBatch = commitBatch({
      partition,
      epoch: claim.epoch,
      oldOffset: wrongOffset ? offset + 1 : offset,
      newOffset,
      rows: rows.map((actor, i) => journalRow(ids[actor]!, offset + i)),
      snapshots: snapshot === null ? [] : [snapshotPart(ids[snapshot]!, offset)],
      timers: timer === null ? [] : [{ actorId: ids[timer.actor]!, name: "t", dueAt: timer.dueAt }],
      outbox: rows.map((actor) => ({
        topic: "game.deltas",
        partition: actor,
        key: "k",
        value: `${offset}`,
      })),
      emittedOffset: emitted ? offset : 0,
    });
    const outcome = await on.commit(batch).then(() => "ok", (error) => error.name);
    if (outcome === "ok") offset = newOffset;
    const { epoch: _, ...now } = claim = await on.takeShard("player", partition, "model");
    const byId = (a: { actorId: string }, b: { actorId: string }) => a.actorId < b.actorId ? -1 : 1;
    const plain = async (asOf?: { offset: number }) =>
      (await on.load("player", partition, ids, asOf)).sort(byId)
        .map(({ journal, ...rest }) => ({ ...rest, journal: journal.map((e) => e.offset) }));
    seen.push({
      outcome,
      now,
      actors: await plain(),
      earlier: await plain({ offset: Math.floor(offset / 2) }),
      behind: (await on.behind("player", partition)).sort(),
      timers: await on.dueTimers("player", partition, midnight + 25, 3),
    });
  }
  return seen;
}

Deno.test("PostgresStore and MemoryStore cannot be told apart", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 8 }), async (steps) => {
      const partition = freshPartition();
      const prefix = `model-${partition}`;
      assert.deepEqual(
        await live(store, partition, prefix, steps),
        await live(new MemoryStore(), partition, prefix, steps),
      );
    }),
    { numRuns: 40 },
  );
});

// The last one: from here on no shard's journal counts as whole.
Deno.test("load() from the start says so once a day of the journal was dropped", async () => {
  const partition = freshPartition();
  const { epoch } = await store.takeShard("player", partition, "a");
  const first = midnight - 400 * DAY_MS;
  const rows = [0, 1, 2].map((offset) => ({
    ...journalRow("s/old", offset),
    receivedAt: first + offset * DAY_MS,
  }));
  await store.commit(commitBatch({ partition, epoch, oldOffset: 0, newOffset: 3, rows }));
  const load = async () => {
    const [actor] = await store.load("player", partition, ["s/old"], { fromStart: true });
    return [actor!.journal.map(({ offset }) => offset), actor!.isTruncated];
  };
  assert.deepEqual(await load(), [[0, 1, 2], undefined]);
  const day = new Date(first).toISOString().slice(0, 10);
  await sql`select drop_day_partition(${day}::text::date)`;
  await sql`select drop_day_partition(${day}::text::date)`;
  assert.deepEqual(await load(), [[1, 2], true]);
});
