import assert from "node:assert/strict";
import { join } from "node:path";
import { buildSchema, graphql } from "graphql";
import postgres from "postgres";
import { fingerprintBigint } from "../../schema/hash.ts";
import { graphqlSdl } from "../../schema/graphql_sdl.ts";
import { topicTable } from "../../schema/topics.ts";
import { startEmbeddedPostgres } from "../../supervisor/store/embedded_postgres.ts";
import { prepareDatabase } from "../../supervisor/store/migrate.ts";
import { AckFile } from "../load/client/ack_file.ts";
import { acceptedEvents, expectationOf } from "../load/expectation.ts";
import { EventStream } from "../load/generator/event_stream.ts";
import { seedText } from "../load/generator/population.ts";
import type { StreamOptions } from "../load/generator/stream_options.ts";
import { emptyDay } from "./figures.ts";
import { type ModelEvent, ReferenceModel } from "./reference_model.ts";
import { runVerify, type VerifyReport } from "./run_verify.ts";

const originMs = Date.now() - 60_000;
const stream: StreamOptions = {
  seed: 9,
  events: 3_000,
  batch: 50,
  connections: 1,
  players: 60,
  games: 3,
  originMs,
  seconds: 10,
  spanDays: 10,
  duplicates: 0.02,
  malformed: 0.01,
  late: 0.2,
  unordered: 0.05,
  protocol: "http",
};

/** A platform's reading side that has counted `model`. */
class MiniGraphql {
  readonly #schema = buildSchema(graphqlSdl);
  constructor(public model: ReferenceModel) {}

  async handle(request: Request): Promise<Response> {
    const { query, variables } = await request.json();
    const result = await graphql({
      schema: this.#schema,
      source: query,
      variableValues: variables,
      rootValue: {
        game: ({ id }: { id: string }) => this.#game(id),
        player: ({ id }: { id: string }) => this.#player(id),
      },
    });
    return Response.json(result);
  }

  #game(id: string) {
    const game = this.model.game(id);
    if (game === undefined) return null;
    return {
      eventsTotal: game.events,
      ccu: this.model.ccu(id, Date.now()),
      eventCounts: typeCounts(game.event_counts),
      revenueMinor: ({ currency = "USD" }) => game.revenue[currency] ?? 0,
      days: ({ from, to }: { from: string; to: string }) => {
        const days = [];
        for (let ms = Date.parse(from); ms <= Date.parse(to); ms += 86_400_000) {
          const day = new Date(ms).toISOString().slice(0, 10);
          const figures = game.days[day] ?? emptyDay();
          days.push({
            ...figures,
            day,
            newPlayers: figures.new_players,
            revenueMinor: ({ currency = "USD" }) => figures.revenue[currency] ?? 0,
          });
        }
        return days;
      },
    };
  }

  #player(id: string) {
    const player = this.model.player(id);
    if (player === undefined) return null;
    return {
      eventsTotal: player.events,
      sessionsTotal: player.sessions,
      playSeconds: player.play_ms / 1000,
      level: player.level,
      firstSeen: new Date(player.first_seen).toISOString(),
      lastSeen: new Date(player.last_seen).toISOString(),
      eventCounts: typeCounts(player.event_counts),
      revenueMinor: ({ currency = "USD" }) => player.revenue[currency] ?? 0,
    };
  }
}

function typeCounts(counts: Readonly<Record<string, number>>) {
  return Object.entries(counts).map(([type, count]) => ({ type, count }));
}

/** The generated events as a platform that works takes them: each id once. */
function takenEvents(): { events: ModelEvent[]; batches: number; ids: string[][] } {
  const source = new EventStream(stream, 0);
  const seen = new Set<string>();
  const events: ModelEvent[] = [];
  const ids: string[][] = [];
  for (let batch = source.next(); batch !== null; batch = source.next()) {
    const accepted = acceptedEvents(batch);
    ids.push(accepted.map((event) => event.event_id));
    for (const event of accepted) {
      if (seen.has(event.event_id)) continue;
      seen.add(event.event_id);
      events.push({ ...event, received_at: originMs + events.length });
    }
  }
  return { events, batches: ids.length, ids };
}

async function writeJournal(sql: postgres.Sql, events: readonly ModelEvent[]): Promise<void> {
  const rows = events.map((event, offset) => ({
    ...event,
    offset,
    session_id: event.session_id ?? null,
    player_key: fingerprintBigint(`demo/${event.user_id}`),
    timestamp: new Date(event.timestamp).toISOString(),
    received_at: new Date(event.received_at).toISOString(),
  }));
  await sql`truncate player_events`;
  await sql`
    insert into player_events
    select 0, "offset", received_at, player_key, 'demo', user_id, game_id, event_id, event_type,
      session_id, "timestamp", properties, '{}', false
    from json_to_recordset(${JSON.stringify(rows)}::text::json) as r(
      "offset" bigint, received_at timestamptz, player_key bigint, user_id text, game_id text,
      event_id text, event_type text, session_id text, "timestamp" timestamptz, properties json)`;
}

function modelOf(events: readonly ModelEvent[]): ReferenceModel {
  const model = new ReferenceModel();
  for (const event of events) model.apply(event);
  return model;
}

/** Names of the checks that failed. */
function failed(report: VerifyReport): string[] {
  assert.equal(report.ok, report.checks.every((check) => check.ok !== false));
  return report.checks.filter((check) => check.ok === false).map((check) => check.name);
}

const caughtUp = "the platform has caught up";
const present = "every acknowledged event is in SQL";
const nothingElse = "nothing else is in SQL";
const ordered = "each player's events are in order";
const once = "no event is in SQL twice";
const gamesEqual = "GraphQL games and days equal SQL";
const ccuEqual = "GraphQL CCU equals the open sessions in SQL";
const playersEqual = "GraphQL players equal SQL";
const gamesExpected = "SQL games and days equal the expectation";
const playersExpected = "SQL players equal the expectation";

Deno.test("runVerify() passes a right platform and finds each kind of wrong one", async (t) => {
  const dataDir = await Deno.makeTempDir();
  const server = await startEmbeddedPostgres({ dataDir });
  const sql = postgres(server.url, { max: 1, onnotice: () => {} });
  const { events, batches, ids } = takenEvents();
  const mini = new MiniGraphql(modelOf(events));
  const http = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen() {} },
    (request) => mini.handle(request),
  );
  const acks = join(dataDir, "acks.jsonl");
  const expect = join(dataDir, "expect.json");
  const sender = { answered: batches, unknownIds: [] };
  await Deno.writeTextFile(expect, JSON.stringify(expectationOf(stream, [sender], 0)));
  const writeAcks = async (unknown: readonly string[] = []) => {
    const file = new AckFile(acks, { seed: 9, id_prefix: seedText(9) }, false);
    for (const [b, line] of ids.entries()) {
      await file.append({ c: 0, b, ids: line.filter((id) => !unknown.includes(id)) });
    }
    await file.append({ c: 0, b: ids.length, unknown });
    await file.close();
  };

  /** Verifies a platform with this journal, whose actors have counted `counted`. */
  const verify = async (journal: readonly ModelEvent[], counted = journal) => {
    await writeJournal(sql, journal);
    mini.model = modelOf(counted);
    return await runVerify({
      target: { url: new URL(`http://127.0.0.1:${http.addr.port}`), key: "k" },
      storeUrl: server.url,
      studio: "demo",
      acks,
      expect,
      players: undefined,
      timeoutMs: 300,
      pollMs: 20,
    });
  };

  try {
    await prepareDatabase(server.url, topicTable());
    await writeAcks();
    await t.step("right", async () => {
      const report = await verify(events);
      assert.deepEqual(failed(report), []);
      assert.equal(report.checks.length, 10);
      assert.equal(report.events, events.length);
    });
    await t.step("an event is lost", async () => {
      const lossy = events.filter((_, i) => i !== 700);
      assert.deepEqual(failed(await verify(lossy)), [
        caughtUp,
        present,
        gamesExpected,
        playersExpected,
      ]);
    });
    await t.step("an event is stored twice", async () => {
      assert.deepEqual(failed(await verify([...events, events[700]!], events)), [
        caughtUp,
        ordered,
        once,
        gamesEqual,
        playersEqual,
        gamesExpected,
        playersExpected,
      ]);
    });
    await t.step("an event nobody sent is stored", async () => {
      const stranger = { ...events[700]!, event_id: `${seedText(9)}-ffff` };
      const names = failed(await verify([...events, stranger]));
      assert.deepEqual(names, [nothingElse, gamesExpected, playersExpected]);
    });
    await t.step("other traffic of the studio does not matter to the acks", async () => {
      const other = {
        ...events[700]!,
        event_id: "other",
        user_id: "other",
        game_id: "other",
      };
      assert.deepEqual(failed(await verify([...events, other])), []);
    });
    await t.step("two events of a player have changed places", async () => {
      const i = events.findIndex((event, at) => events[at + 1]?.user_id === event.user_id);
      const swapped = events.with(i, events[i + 1]!).with(i + 1, events[i]!)
        .map((event, at) => ({ ...event, received_at: originMs + at }));
      assert.ok(failed(await verify(swapped)).includes(ordered));
    });
    await t.step("the actors have counted something else", async () => {
      // The same number of events, so that it looks as if they had caught up.
      const wrong = events.with(700, {
        ...events[700]!,
        timestamp: events[700]!.timestamp - 4 * 86_400_000,
      });
      assert.deepEqual(failed(await verify(events, wrong)), [gamesEqual, playersEqual]);
    });
    await t.step("a session is open for the actors that SQL says has ended", async () => {
      const wrong = events.map((event) =>
        event.event_type === "session.end" ? { ...event, event_type: "level.start" } : event
      );
      assert.ok(failed(await verify(events, wrong)).includes(ccuEqual));
    });
    await t.step("an unknown outcome may count or not", async () => {
      const unknown = events.slice(-3).map((event) => event.event_id);
      await writeAcks(unknown);
      await Deno.writeTextFile(
        expect,
        JSON.stringify(expectationOf(stream, [{ ...sender, unknownIds: unknown }], 0)),
      );
      for (const journal of [events, events.slice(0, -2)]) {
        const report = await verify(journal);
        assert.deepEqual(failed(report), []);
        assert.equal(report.checks.at(-1)!.ok, undefined);
      }
    });
  } finally {
    await http.shutdown();
    await sql.end();
    await server.stop();
    await Deno.remove(dataDir, { recursive: true });
  }
});
