import assert from "node:assert/strict";
import fc from "fast-check";
import postgres from "postgres";
import { fingerprintBigint } from "../../schema/hash.ts";
import { topicTable } from "../../schema/topics.ts";
import { startEmbeddedPostgres } from "../../supervisor/store/embedded_postgres.ts";
import { prepareDatabase } from "../../supervisor/store/migrate.ts";
import { acceptedEvents } from "../load/expectation.ts";
import { EventStream } from "../load/generator/event_stream.ts";
import { differences } from "./figures.ts";
import {
  prepare,
  recomputeCcu,
  recomputeGames,
  recomputePlayers,
  type Sql,
} from "./recompute_sql.ts";
import { type ModelEvent, ReferenceModel } from "./reference_model.ts";

const MINUTE = 60_000;
const DAY = 86_400_000;
const start = Date.UTC(2026, 2, 1, 23, 50);

/** Puts events into the journal as the platform would, one after the other, without duplicates. */
async function write(sql: Sql, events: readonly ModelEvent[]): Promise<void> {
  await sql`truncate player_events`;
  const seen = new Set<string>();
  const rows = events.flatMap((event, offset) => {
    const id = `${event.user_id} ${event.event_id}`;
    if (seen.has(id)) return [];
    seen.add(id);
    return [{
      ...event,
      offset,
      session_id: event.session_id ?? null,
      player_key: fingerprintBigint(`demo/${event.user_id}`),
      timestamp: new Date(event.timestamp).toISOString(),
      received_at: new Date(event.received_at).toISOString(),
    }];
  });
  // Timers are in the journal too, as are other studios: neither may count.
  const strange = { ...rows[0], event_id: "timer", event_type: "$timer", offset: 1_000_000 };
  await sql`
    insert into player_events
    select 3, "offset", received_at, player_key, studio, user_id, game_id, event_id, event_type,
      session_id, "timestamp", properties, '{}', event_type like '$%'
    from json_to_recordset(${JSON.stringify([...rows, strange])}::text::json) as r(
      "offset" bigint, received_at timestamptz, player_key bigint, user_id text, game_id text,
      event_id text, event_type text, session_id text, "timestamp" timestamptz, properties json),
      (values ('demo'), ('other')) as s(studio)
    where studio = 'demo' or "offset" < 3`;
}

/** Who turned out to be whom: `[alias, user]`. */
type Links = readonly (readonly [string, string])[];

/** Writes who is whom as the store holds it: always the last one of a chain. */
async function writeLinks(sql: Sql, links: Links): Promise<void> {
  await sql`truncate player_alias`;
  for (const [alias_id, user_id] of links) {
    await sql`update player_alias set user_id = ${user_id} where user_id = ${alias_id}`;
    await sql`insert into player_alias (studio, alias_id, user_id, linked_at)
      values ('demo', ${alias_id}, ${user_id}, now()), ('other', ${user_id}, ${alias_id}, now())`;
  }
}

async function assertAgreement(
  sql: Sql,
  events: readonly ModelEvent[],
  now: number,
  links: Links = [],
): Promise<void> {
  const model = new ReferenceModel();
  for (const event of events) model.apply(event);
  for (const [alias, user] of links) model.link(alias, user);
  await write(sql, events);
  await writeLinks(sql, links);
  await prepare(sql, { studio: "demo", sample: undefined });
  const games = await recomputeGames(sql);
  assert.deepEqual([...games.keys()].sort(), model.gameIds());
  for (const id of model.gameIds()) {
    assert.deepEqual(differences(model.game(id), games.get(id)), [], `game ${id}`);
  }
  const players = await recomputePlayers(sql);
  assert.deepEqual([...players.keys()].sort(), model.playerIds());
  for (const id of model.playerIds()) {
    assert.deepEqual(differences(model.player(id), players.get(id)), [], `player ${id}`);
  }
  const ccu = await recomputeCcu(sql, now, now);
  for (const id of model.gameIds()) {
    const { min, max } = ccu.get(id) ?? { min: 0, max: 0 };
    assert.deepEqual([min, max], [model.ccu(id, now), model.ccu(id, now)], `ccu of ${id}`);
  }
}

const users = ["ann", "bob", "ü/\\"] as const;

/** Nobody is anybody else, one is another, or all are one. */
const linksArbitrary = fc.tuple(
  fc.shuffledSubarray([...users], { minLength: 3 }),
  fc.integer({ min: 0, max: 2 }),
).map(([[a, b, c], n]): Links => ([[a!, b!], [b!, c!]] as const).slice(0, n));

const eventArbitrary = fc.record({
  user: fc.constantFrom(...users),
  game: fc.constantFrom("g", "h"),
  session: fc.constantFrom(undefined, "s", "t"),
  id: fc.integer({ min: 0, max: 400 }),
  type: fc.constantFrom("session.end", "level.start", "purchase", "shop.view", "purchase"),
  gapMs: fc.constantFrom(0, 1, 5 * MINUTE, 30 * MINUTE - 1, 30 * MINUTE, 50 * MINUTE),
  days: fc.integer({ min: -35, max: 1 }),
  intoDayMs: fc.constantFrom(0, 1, 9 * MINUTE, 10 * MINUTE - 1, 10 * MINUTE),
  amount: fc.integer({ min: 0, max: 1000 }),
  currency: fc.constantFrom("USD", "EUR"),
});

/** Few players, games, ids and sessions, so that everything collides. */
const streamArbitrary = fc.array(eventArbitrary, { minLength: 1, maxLength: 60 }).map((drafts) => {
  let received_at = start;
  return drafts.map((d): ModelEvent => {
    received_at += d.gapMs;
    return {
      event_id: `e-${d.id}`,
      event_type: d.type,
      user_id: d.user,
      game_id: d.game,
      ...(d.session === undefined ? {} : { session_id: d.session }),
      timestamp: start + d.days * DAY + d.intoDayMs,
      received_at,
      properties: { amount: d.amount, currency: d.currency, level: d.amount },
    };
  });
});

Deno.test("recompute: SQL and the reference model agree", async (t) => {
  const dataDir = await Deno.makeTempDir();
  const server = await startEmbeddedPostgres({ dataDir });
  const sql = postgres(server.url, { max: 1, onnotice: () => {} });
  try {
    await prepareDatabase(server.url, topicTable());
    await t.step("on any events of players who may be one", async () => {
      const minutes = fc.integer({ min: 0, max: 60 });
      await fc.assert(
        fc.asyncProperty(streamArbitrary, minutes, linksArbitrary, (events, after, links) => {
          const now = events.at(-1)!.received_at + after * MINUTE;
          return assertAgreement(sql, events, now, links);
        }),
        { numRuns: 80 },
      );
    });
    await t.step("on a generated history of 40 days", async () => {
      const stream = new EventStream({
        seed: 5,
        events: 8_000,
        batch: 100,
        connections: 1,
        players: 150,
        games: 5,
        originMs: start,
        seconds: 10,
        spanDays: 40,
        duplicates: 0.03,
        malformed: 0.01,
        late: 0.2,
        unordered: 0.05,
        protocol: "http",
      }, 0);
      const events: ModelEvent[] = [];
      for (let batch = stream.next(); batch !== null; batch = stream.next()) {
        for (const event of acceptedEvents(batch)) {
          events.push({ ...event, received_at: start + events.length });
        }
      }
      assert.ok(events.length > 5_000);
      await assertAgreement(sql, events, start + 60_000);
    });
    await t.step("and a sample is of the players asked for", async () => {
      await prepare(sql, { studio: "demo", sample: 7 });
      assert.equal((await recomputePlayers(sql)).size, 7);
    });
  } finally {
    await sql.end();
    await server.stop();
    await Deno.remove(dataDir, { recursive: true });
  }
});
