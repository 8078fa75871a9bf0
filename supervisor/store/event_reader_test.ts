import assert from "node:assert/strict";
import postgres from "postgres";
import { InvalidInput } from "../../schema/errors.ts";
import { fingerprintBigint } from "../../schema/hash.ts";
import { DAY_MS, limits } from "../../schema/limits.ts";
import { partitionOf } from "../../schema/partition.ts";
import type { EventFilter, EventPage, RecordedEvent } from "../platform.ts";
import { EventReader } from "./event_reader.ts";
import { PostgresStore } from "./postgres_store.ts";
import { commitBatch, journalRow } from "./contract/fixtures.ts";
import type { JournalRow } from "./store.ts";
import { startTestingDatabase, type TestingDatabase } from "./sql/testing_database.ts";

const now = Date.UTC(2026, 5, 15, 12);

let server: TestingDatabase;
let reader: EventReader;
let store: PostgresStore;
/** All rows written, with their partition. */
const written: { readonly partition: number; readonly row: JournalRow }[] = [];

Deno.test.beforeAll(async () => {
  server = await startTestingDatabase(import.meta.url);
  store = new PostgresStore({ url: server.url });
  reader = new EventReader({ url: server.url, now: () => now });
  const perPartition = new Map<number, JournalRow[]>();
  for (let i = 0; i < 600; i++) {
    const user = `u-${i % 7}`;
    const studio = i % 5 === 0 ? "other" : "demo";
    const partition = partitionOf(`${studio}/${user}`, 12);
    const rows = perPartition.get(partition) ?? [];
    perPartition.set(partition, rows);
    // Over forty days, the last ones close together, and pairs at one millisecond.
    const receivedAt = now - Math.floor(((600 - i) / 600) ** 6 * 40 * DAY_MS / 10) * 10;
    const change = {
      event_type: i % 11 === 0 ? "$timer" : i % 3 === 0 ? "purchase" : "level.start",
      game_id: `g-${i % 4}`,
      timestamp: receivedAt - (i % 13) * DAY_MS + 17,
      properties: { i, text: `"\\é${i}` },
      context: { platform: "ios" },
      ...(i % 2 === 0 ? { session_id: `s-${i}` } : {}),
    };
    rows.push({ ...journalRow(`${studio}/${user}`, rows.length, change), receivedAt });
  }
  for (const [partition, rows] of perPartition) {
    const { epoch } = await store.takeShard("player", partition, "test");
    await store.commit(
      commitBatch({ partition, epoch, oldOffset: 0, newOffset: rows.length, rows }),
    );
    written.push(...rows.map((row) => ({ partition, row })));
  }
});

Deno.test.afterAll(async () => {
  await reader.close();
  await store.close();
  await server.close();
});

/** What the pages should hold, worked out from what was written. */
function expected(studio: string, filter: EventFilter): RecordedEvent[] {
  return written
    .map(({ partition, row }) => ({ partition, row, event: JSON.parse(row.value) }))
    .filter(({ event }) =>
      event.studio === studio && !event.event_type.startsWith("$") &&
      (filter.userId === undefined || event.user_id === filter.userId) &&
      (filter.gameId === undefined || event.game_id === filter.gameId) &&
      (filter.types === undefined || filter.types.includes(event.event_type)) &&
      (filter.from === undefined || event.timestamp >= filter.from) &&
      (filter.to === undefined || event.timestamp < filter.to)
    )
    .sort((a, b) =>
      b.row.receivedAt - a.row.receivedAt || b.partition - a.partition ||
      b.row.offset - a.row.offset
    )
    .map(({ partition, row, event }) => ({
      id: event.event_id,
      type: event.event_type,
      userId: event.user_id,
      gameId: event.game_id,
      sessionId: event.session_id ?? null,
      timestamp: event.timestamp,
      receivedAt: row.receivedAt,
      properties: event.properties,
      context: event.context,
      position: `${partition}:${row.offset}`,
    }));
}

/** All pages of `first` events, checked for their length. */
async function allPages(studio: string, filter: EventFilter, first: number) {
  const events: RecordedEvent[] = [];
  let after: string | undefined;
  while (true) {
    const page = await reader.events(studio, filter, first, after);
    events.push(...page.events.map((edge) => edge.event));
    if (!page.hasNextPage) return events;
    assert.equal(page.events.length, first);
    after = page.events.at(-1)!.cursor;
  }
}

const filters: Readonly<Record<string, EventFilter>> = {
  "nothing": {},
  "a user": { userId: "u-3" },
  "a game": { gameId: "g-2" },
  "types": { types: ["purchase", "unheard.of"] },
  "no types": { types: [] },
  "event time": { from: now - 20 * DAY_MS, to: now - 2 * DAY_MS },
  "all at once": {
    userId: "u-1",
    gameId: "g-1",
    types: ["level.start"],
    from: now - 30 * DAY_MS,
    to: now,
  },
  "an unknown user": { userId: `"';--` },
  "a user that no text can hold": { userId: "u-1\0" },
  "a game that no text can hold": { gameId: "\ud800" },
  "types that no text can hold": { types: ["\0", "purchase", "\udc00"] },
};

for (const [name, filter] of Object.entries(filters)) {
  Deno.test(`events() filtered by ${name} pages through exactly what matches, newest first`, async () => {
    const wanted = expected("demo", filter);
    for (const first of [1, 7, 1000].filter((n) => n > 1 || wanted.length < 100)) {
      assert.deepEqual(await allPages("demo", filter, first), wanted);
    }
  });
}

Deno.test("events() of a user are those of his aliases, too, unless only his own are asked for", async () => {
  const sql = postgres(server.url, { max: 1 });
  await sql`insert into player_alias (studio, alias_id, user_id, linked_at) values
    ('demo', 'u-6', 'u-5', now()), ('demo', 'u-0', 'u-5', now()), ('other', 'u-2', 'u-5', now())`;
  const all = expected("demo", {}).filter(({ userId }) => ["u-0", "u-5", "u-6"].includes(userId));
  const own = expected("demo", { userId: "u-5" });
  try {
    assert.ok(own.length > 20 && all.length > 2 * own.length);
    for (const first of [7, 1000]) {
      assert.deepEqual(await allPages("demo", { userId: "u-5" }, first), all);
      assert.deepEqual(await allPages("demo", { userId: "u-5", exact: true }, first), own);
    }
    const ofGame = all.filter(({ gameId }) => gameId === "g-2");
    assert.deepEqual(await allPages("demo", { userId: "u-5", gameId: "g-2" }, 7), ofGame);
    // An alias is asked for by what came under it.
    const alias = expected("demo", { userId: "u-6" });
    assert.deepEqual(await allPages("demo", { userId: "u-6" }, 1000), alias);
  } finally {
    await sql`delete from player_alias`;
    await sql.end();
  }
});

Deno.test("events() shows a studio its own events only", async () => {
  const mine = await allPages("other", {}, 50);
  assert.deepEqual(mine, expected("other", {}));
  assert.ok(mine.length > 50);
  assert.deepEqual(await allPages("nobody", {}, 50), []);
});

Deno.test("events() goes on from a cursor without repeating while new events come in", async () => {
  const before = expected("demo", {});
  const first = await reader.events("demo", {}, 5);
  const partition = partitionOf("demo/late", 12);
  const { epoch, nextOffset } = await store.takeShard("player", partition, "test");
  const row = { ...journalRow("demo/late", nextOffset), receivedAt: now + 60_000 };
  await store.commit(
    commitBatch({
      partition,
      epoch,
      oldOffset: nextOffset,
      newOffset: nextOffset + 1,
      rows: [row],
    }),
  );
  written.push({ partition, row });
  const second = await reader.events("demo", {}, 5, first.events.at(-1)!.cursor);
  assert.deepEqual(
    [...first.events, ...second.events].map(({ event }) => event),
    before.slice(0, 10),
  );
  // A clock that is ahead of ours hides nothing.
  assert.equal((await reader.events("demo", {}, 1)).events[0]!.event.userId, "late");
});

Deno.test("events() throws InvalidInput for a bad cursor or page size", async () => {
  const coded = (code: string) => (error: unknown) =>
    error instanceof InvalidInput && error.code === code;
  await assert.rejects(reader.events("demo", {}, 1, "nonsense"), coded("invalid_cursor"));
  for (const first of [0, -1, 1.5, NaN, limits.pageSizeMax + 1]) {
    await assert.rejects(reader.events("demo", {}, first), coded("invalid_field"));
  }
});

Deno.test("events() cuts a page of large events short, and loses none of them", async () => {
  const sql = postgres(server.url, { max: 1, onnotice() {} });
  const bytes = 60 * 1024;
  const count = 200;
  await sql`
    insert into player_events
    select i % 12, 2000000 + i, to_timestamp(${now}::float8 / 1000) - i * interval '1 hour', i,
      'large', 'u' || i % 3, 'g', 'e' || i, 't', null, now(),
      json_build_object('text', repeat('x', ${bytes}::int)), '{}', false
    from generate_series(1, ${count}::int) i`;
  await sql.end();
  for (const filter of [{}, { gameId: "g" }]) {
    const ids: string[] = [];
    let after: string | undefined;
    for (let page = { hasNextPage: true } as EventPage; page.hasNextPage;) {
      page = await reader.events("large", filter, limits.pageSizeMax, after);
      const held = page.events.length * bytes;
      assert.equal(page.bytes, held + page.events.length * `{"text" : ""}{}`.length);
      assert.ok(held > 0 && held <= limits.pageBytesMax + bytes, `a page of ${held} bytes`);
      ids.push(...page.events.map(({ event }) => event.id));
      after = page.events.at(-1)!.cursor;
    }
    assert.deepEqual(ids, Array.from({ length: count }, (_, i) => `e${i + 1}`));
  }
});

Deno.test("events() reads no more rows than a page needs", async () => {
  const sql = postgres(server.url, { max: 1 });
  await sql`
    insert into player_events
    select i % 12, 1000000 + i, to_timestamp(${now}::float8 / 1000) - i * interval '1 ms', i, 'busy',
      'u' || i, 'g', 'e', 't', null, now(), '{}', '{}', false
    from generate_series(1, 50000) i`;
  const id = "busy/seldom";
  await sql`
    insert into player_events
    select ${partitionOf(id, 12)}, 1, to_timestamp(${now}::float8 / 1000) - interval '1 hour',
      ${
    fingerprintBigint(id)
  }::bigint, 'busy', 'seldom', 'g', 'e', 't', null, now(), '{}', '{}', false`;
  const rowsRead = async () => {
    const [row] = await sql<{ n: number }[]>`
      select (sum(seq_tup_read) + sum(idx_tup_fetch))::float8 as n
      from pg_stat_all_tables where relname like 'player_events%'`;
    return row!.n;
  };
  /** Rows that a page read; its connection reports them when it closes. */
  const readBy = async (filter: EventFilter) => {
    const before = await rowsRead();
    const other = new EventReader({ url: server.url, now: () => now, timeoutMs: 60_000 });
    const { events } = await other.events("busy", filter, 50);
    await other.close();
    assert.ok(events.length > 0);
    let read = 0;
    while (read === 0) read = await rowsRead() - before;
    return { read, events: events.length };
  };
  try {
    const busy = await readBy({});
    assert.equal(busy.events, 50);
    assert.ok(busy.read < 1000, `a page of a busy studio read ${busy.read} rows`);
    // By time this player is at the very end of the studio's rows.
    const seldom = await readBy({ userId: "seldom" });
    assert.equal(seldom.events, 1);
    assert.ok(seldom.read < 1000, `a page of a player read ${seldom.read} rows`);
  } finally {
    await sql.end();
  }
});
