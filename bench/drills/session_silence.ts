/**
 * Drill ccu: open sessions must end by themselves after half an hour of silence, although everything
 * was killed meanwhile and nobody comes back.
 *
 * The half hour is passed by starting the platform again with its clock set forward.
 *
 * @module
 */
import postgres from "postgres";
import { HttpConnection } from "../load/client/http_connection.ts";
import { seedText } from "../load/generator/population.ts";
import { Random } from "../load/generator/random.ts";
import { GraphqlReader } from "../verify/graphql_figures.ts";
import type { OwnContext, OwnDrill } from "./drill_types.ts";
import { Findings } from "./findings.ts";
import type { PlatformProcess } from "./platform/platform_process.ts";
import { Site } from "./platform/site.ts";

const games = ["ccu-one", "ccu-two", "ccu-three"];
const silenceMs = 31 * 60_000;
/** More than a game's commit takes. */
const recheckMs = 1_500;
const timerlessPlayer = new URL("./fixtures/timerless_player.ts", import.meta.url);

/** Sessions of many players, some of which end. @returns open ones by game */
async function openSessions(site: Site, seed: number, players: number) {
  const random = new Random(seed, 0x0ccc);
  const open = new Map(games.map((game) => [game, 0]));
  const connection = new HttpConnection(site.target);
  for (let player = 0; player < players; player += 50) {
    const events: object[] = [];
    for (let i = player; i < Math.min(players, player + 50); i++) {
      const user_id = `u-${seedText(seed)}-${i}`;
      const game_id = games[random.below(games.length)]!;
      // A session of each kind: named and implicit, ended and not, or two at once.
      const named = random.below(3) > 0 ? { session_id: `s-${i}` } : {};
      const event = (event_type: string, more: object = named) => {
        const event_id = `${user_id}-${events.length}`;
        events.push({ event_id, event_type, user_id, game_id, ...more });
      };
      event("session.start");
      event("shop.view");
      let sessions = 1;
      if (random.below(4) === 0) {
        event("level.start", { session_id: `other-${i}` });
        sessions++;
      }
      if (random.below(3) === 0) {
        event("session.end");
        sessions--;
      }
      open.set(game_id, open.get(game_id)! + sessions);
    }
    const { status, body } = await connection.send(JSON.stringify(events));
    if (status !== 202) throw new Error(`Cannot open sessions: ${status} ${body}`);
  }
  connection.close();
  return open;
}

/** Waits until each game's CCU is as wanted. @returns what it was in the end */
async function settledCcu(
  platform: PlatformProcess,
  wanted: ReadonlyMap<string, number>,
  limitMs: number,
): Promise<ReadonlyMap<string, number>> {
  const graphql = new GraphqlReader(platform.site.target, 1);
  const deadline = performance.now() + limitMs;
  try {
    for (;;) {
      const seen = new Map<string, number>();
      for (const game of games) seen.set(game, await graphql.ccu(game));
      const isThere = games.every((game) => seen.get(game) === wanted.get(game));
      if (isThere || performance.now() > deadline) return seen;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  } finally {
    graphql.close();
  }
}

/** Events in the journal: the players' own, and timers. */
async function countEvents(storeUrl: string): Promise<{ players: number; timers: number }> {
  const sql = postgres(storeUrl, { max: 1 });
  const [row] = await sql<{ players: number; timers: number }[]>`
    select (count(*) filter (where not internal))::int as players,
      (count(*) filter (where internal))::int as timers from player_events`
    .finally(() => sql.end());
  return row!;
}

async function run(ctx: OwnContext) {
  const findings = new Findings();
  const players = ctx.quick ? 600 : 5_000;
  const site = new Site(`${ctx.dir}/site`);
  const options = ctx.mutation === "no-timers" ? { playerStage: timerlessPlayer } : {};
  const text = (ccu: ReadonlyMap<string, number>) => JSON.stringify(Object.fromEntries(ccu));
  const sum = (ccu: ReadonlyMap<string, number>) => [...ccu.values()].reduce((a, b) => a + b, 0);
  try {
    const first = site.start(options);
    const info = await first.ready();
    const open = await openSessions(site, ctx.seed, players);
    const before = await settledCcu(first, open, 20_000);
    const sent = await countEvents(info.store_url);
    findings.count("open_sessions", sum(open));
    findings.require(sum(open) > players / 2, `sessions are open: ${sum(open)}`);
    findings.require(text(before) === text(open), `CCU ${text(open)} before: ${text(before)}`);
    findings.count("processes_killed", await site.killAll());
    const { signal } = await first.exited;
    findings.require(signal === "SIGKILL", `the kill ended it: ${signal}`);

    const second = site.start({ ...options, clockOffsetMs: silenceMs });
    const { store_url } = await second.ready();
    const readyAt = performance.now();
    const none = new Map(games.map((game) => [game, 0]));
    const after = await settledCcu(second, none, 20_000);
    findings.count("ccu_zero_after_ready_ms", performance.now() - readyAt);
    findings.require(text(after) === text(none), `CCU 0 after the silence: ${text(after)}`);
    // A session closed twice would bring it below.
    await new Promise((resolve) => setTimeout(resolve, recheckMs));
    const later = await settledCcu(second, none, 0);
    findings.require(text(later) === text(none), `CCU still 0 later: ${text(later)}`);
    const events = await countEvents(store_url);
    findings.count("timers_fired", events.timers);
    findings.count("events", events.players);
    findings.require(sent.timers === 0, `no timer fired before: ${sent.timers}`);
    const returned = events.players - sent.players;
    findings.require(returned === 0, `nobody has come back: ${returned} events`);
    return findings.result();
  } finally {
    await site.clear();
  }
}

export const sessionSilence: OwnDrill = {
  id: "ccu",
  name: "session-silence",
  mutations: { "no-timers": /CCU 0 after the silence/ },
  run,
};
