/**
 * Drill 20: every snapshot is dropped. Players must come back from their journal, games from the
 * topic of deltas, each with the very state they had, and much faster than it was made.
 *
 * A game is snapshot durable: dropping its snapshots means beginning the topic anew, so the game
 * shards' offsets and sources go back to zero with them.
 *
 * What is measured. Replay rate: events of all players, over the time in which clients have been
 * answered the state of every one of them, by a platform that held none in memory. It is held against
 * the rate that the platform promises to take live, so that a day is rebuilt in a fifth of a day.
 * Beside it, without a promise, stands the peak: a load as fast as it goes, from the first request
 * until SQL and games have all of it.
 *
 * @module
 */
import postgres from "postgres";
import { startEmbeddedPostgres } from "../../supervisor/store/embedded_postgres.ts";
import { expectationOf } from "../load/expectation.ts";
import type { StreamOptions } from "../load/generator/stream_options.ts";
import { runLoad } from "../load/run_load.ts";
import { GraphqlReader } from "../verify/graphql_figures.ts";
import type { OwnContext, OwnDrill } from "./drill_types.ts";
import { Findings } from "./findings.ts";
import { drillStream, verify } from "./platform/load.ts";
import type { PlatformProcess } from "./platform/platform_process.ts";
import { Site } from "./platform/site.ts";
import { actorIds, gameHashes, playerHashes, requireSame } from "./platform/state_hashes.ts";

/** What is promised: so many times as fast as live, on two cores. */
const speedUpMin = 5;
const liveEventsPerSecond = 25_000;
const moodyPlayer = new URL("./fixtures/moody_player.ts", import.meta.url);

/** Waits until SQL and games have counted what was sent, looking often. */
async function caughtUp(
  platform: PlatformProcess,
  sql: postgres.Sql,
  events: number,
  limitMs = 120_000,
) {
  const graphql = new GraphqlReader(platform.site.target, 1);
  const total = async () => {
    const [row] = await sql<{ n: number }[]>`
      select count(*)::int as n from player_events where not internal`;
    if (row!.n < events) return undefined;
    let counted = 0;
    for (const id of await actorIds(sql, "game_id")) counted += await graphql.gameEvents(id);
    return counted >= events ? true : undefined;
  };
  await platform.until(`${events} events are counted`, limitMs, total, 100)
    .finally(() => graphql.close());
}

/** Waits until every player has a snapshot of all its events. */
async function snapshotted(platform: PlatformProcess, storeUrl: string, players: number) {
  const sql = postgres(storeUrl, { max: 1 });
  await platform.until("every player has a snapshot", 60_000, async () => {
    const [row] = await sql<{ n: number }[]>`
      select count(*)::int as n from snapshot where stage = 'player'`;
    return row!.n >= players ? true : undefined;
  }, 200).finally(() => sql.end());
}

/** Drops all snapshots while nothing runs, and lets the games begin anew. @returns how many */
async function dropSnapshots(dataDir: string, keepSources: boolean): Promise<number> {
  const server = await startEmbeddedPostgres({ dataDir });
  const sql = postgres(server.url, { max: 1 });
  try {
    const [row] = await sql<{ n: number }[]>`select count(*)::int as n from snapshot`;
    await sql`truncate snapshot`;
    await sql`update shard set next_offset = 0, emitted_offset = 0 where stage = 'game'`;
    if (!keepSources) await sql`update shard set sources = '{}' where stage = 'game'`;
    return row!.n;
  } finally {
    await sql.end();
    await server.stop();
  }
}

/** Makes the data, live. @returns how many distinct events, and how many a second */
async function live(ctx: OwnContext, site: Site, platform: PlatformProcess, sql: postgres.Sql) {
  const events = ctx.quick ? 900_000 : 1_500_000;
  const stream: StreamOptions = {
    ...drillStream({ seed: ctx.seed, events, seconds: 0, dir: ctx.dir, batch: 100 }),
    // Players with a past: what is rebuilt is journals, not single events.
    players: events / 200,
    spanDays: 10,
    malformed: 0,
  };
  const startedAt = performance.now();
  const { report, senders } = await runLoad(
    { target: site.target, stream, rate: 0 },
    new AbortController().signal,
  );
  const { events: distinct } = expectationOf(stream, senders, report.mismatches);
  await caughtUp(platform, sql, distinct);
  return { distinct, perSecond: distinct / ((performance.now() - startedAt) / 1000) };
}

async function run(ctx: OwnContext) {
  const findings = new Findings();
  const site = new Site(`${ctx.dir}/site`);
  try {
    const first = site.start();
    const firstInfo = await first.ready();
    const sql = postgres(firstInfo.store_url, { max: 1 });
    const made = await live(ctx, site, first, sql);
    const users = await actorIds(sql, "user_id");
    const games = await actorIds(sql, "game_id");
    await sql.end();
    findings.count("events", made.distinct);
    findings.count("peak_events_per_s", Math.round(made.perSecond));
    // The states as they were made, event by event: nothing of it was ever restored.
    const players = await playerHashes(site, users);
    const totals = await gameHashes(site, games);
    ctx.print(`${made.distinct} events of ${users.length} players, made live`);
    await first.drain();

    const second = site.start();
    await snapshotted(second, (await second.ready()).store_url, users.length);
    await second.drain();
    const dropped = await dropSnapshots(site.dataDir, ctx.mutation === "keep-sources");
    findings.count("snapshots_dropped", dropped);
    findings.require(dropped >= users.length + games.length, `snapshots to drop: ${dropped}`);

    const third = site.start(ctx.mutation === "moody" ? { playerStage: moodyPlayer } : {});
    const { store_url } = await third.ready();
    const askedAt = performance.now();
    const rebuilt = await playerHashes(site, users);
    const replayMs = performance.now() - askedAt;
    const perSecond = Math.round(made.distinct / (replayMs / 1000));
    findings.count("replay_ms", replayMs);
    findings.count("replay_events_per_s", perSecond);
    const factor = perSecond / liveEventsPerSecond;
    findings.count("replay_to_live", factor);
    findings.count("replay_to_peak", perSecond / made.perSecond);
    requireSame(findings, "player", players, rebuilt);
    const sqlAfter = postgres(store_url, { max: 1 });
    await caughtUp(third, sqlAfter, made.distinct, ctx.mutation === undefined ? 30_000 : 5_000)
      .catch(() => {}).finally(() => sqlAfter.end());
    requireSame(findings, "game", totals, await gameHashes(site, games));
    const seen = factor.toFixed(2);
    findings.require(factor >= speedUpMin, `replay ${speedUpMin} times as fast as live: ${seen}`);
    await verify(ctx, site, findings, { storeUrl: store_url });
    return findings.result();
  } finally {
    await site.clear();
  }
}

export const rebuild: OwnDrill = {
  id: "20",
  name: "rebuild",
  mutations: {
    "moody": /each player as before: [1-9]/,
    "keep-sources": /each game as before: [1-9]/,
  },
  run,
};
