/**
 * Drill 9: Redis hangs and is then killed under load. Nobody waits for it; leaderboards end at the
 * game's own best for as long. It comes back empty, and gets what was scored meanwhile.
 *
 * @module
 */
import { setTimeout as sleep } from "node:timers/promises";
import { join } from "node:path";
import {
  type RedisServer,
  redisServerProgram,
  startRedisServer,
} from "../../../supervisor/testing/redis_server.ts";
import { GraphqlReader } from "../../verify/graphql_figures.ts";
import type { OwnContext, OwnDrill } from "../drill_types.ts";
import { Findings } from "../findings.ts";
import { Site } from "../platform/site.ts";
import { degraded, LoadedPlatform, timed, type Times } from "./under_load.ts";

const times: Readonly<Record<"quick" | "full", Times>> = {
  quick: { beforeMs: 4_000, awayMs: 15_000, afterMs: 8_000 },
  full: { beforeMs: 10_000, awayMs: 60_000, afterMs: 10_000 },
};
const backMsMax = 5_000;
/** More than the game keeps by itself. */
const players = 1_500;
const actorMax = 1_000;
const latePlayers = 40;

interface Board {
  readonly leaderboard: {
    readonly edges: readonly {
      readonly node: { readonly rank: number; readonly userId: string };
    }[];
    readonly pageInfo: { readonly hasNextPage: boolean };
  };
}

/** Posts a score for each of `names`, all different. */
async function score(site: Site, names: readonly string[], from: number): Promise<void> {
  const events = names.map((user_id, i) => ({
    event_type: "match.end",
    event_id: `score-${user_id}`,
    user_id,
    game_id: "drill-board",
    properties: { score: from + i },
  }));
  for (let i = 0; i < events.length; i += 500) {
    const response = await fetch(new URL("/api/v1/events", site.url), {
      method: "POST",
      headers: { authorization: `Bearer ${site.key}`, "content-type": "application/json" },
      body: JSON.stringify(events.slice(i, i + 500)),
    });
    const text = await response.text();
    if (response.status !== 202) throw new Error(`Scores were answered ${response.status} ${text}`);
  }
}

/** Users on the board behind the game's own best. */
async function deepUsers(reader: GraphqlReader): Promise<string[]> {
  const query = 'query($after:String){leaderboard(gameId:"drill-board",board:"score",first:1000,' +
    "after:$after){edges{node{rank userId}} pageInfo{hasNextPage}}}";
  const { leaderboard } = await reader.query<Board>(query, { after: btoa(`rank:${actorMax}`) });
  return leaderboard.edges.map(({ node }) => node.userId);
}

const numbered = (name: string, count: number) =>
  Array.from({ length: count }, (_, i) => `${name}-${i}`);

/** Redis hangs for a third of the time, then is killed. Scores come in meanwhile. */
async function goAway(
  ctx: OwnContext,
  site: Site,
  redis: RedisServer,
  awayMs: number,
): Promise<void> {
  if (ctx.mutation !== "stays") redis.signal("SIGSTOP");
  await sleep(awayMs / 3);
  if (ctx.mutation !== "stays") await redis.stop();
  // Behind the game's best, so that only the long board can tell of them.
  await score(site, numbered("late", latePlayers), -latePlayers);
  await sleep(awayMs * 2 / 3);
}

async function comesBack(findings: Findings, reader: GraphqlReader): Promise<void> {
  const since = performance.now();
  const late = numbered("late", latePlayers);
  let seen: readonly string[] = [];
  const backMs = await timed(since, 2 * backMsMax, async () => {
    seen = await deepUsers(reader);
    return late.every((name) => seen.includes(name));
  });
  findings.count("back_ms", backMs);
  const missing = late.filter((name) => !seen.includes(name)).length;
  findings.require(
    backMs <= backMsMax,
    `back within ${backMsMax} ms: ${Math.round(backMs)}, ${missing} scores of the outage missing`,
  );
}

async function run(ctx: OwnContext): Promise<Findings> {
  const findings = new Findings();
  const form = times[ctx.quick ? "quick" : "full"];
  let redis = await startRedisServer();
  const site = new Site(join(ctx.dir, "site"), { env: { CACHE_URL: redis.url } });
  let loaded: LoadedPlatform | undefined;
  let reader: GraphqlReader | undefined;
  try {
    const platform = site.start();
    await platform.ready();
    const own = reader = new GraphqlReader(site.target, 1);
    await score(site, numbered("early", players), 0);
    loaded = new LoadedPlatform(ctx, site, form);
    await sleep(form.beforeMs);
    const before = (await deepUsers(own)).length;
    findings.count("deep_before", before);
    findings.require(before === players - actorMax, `the long board is read: ${before} entries`);

    loaded.beginAway();
    const awayAt = performance.now();
    const away = goAway(ctx, site, redis, form.awayMs);
    const noticedMs = await timed(
      awayAt,
      form.awayMs / 3,
      async () => (await degraded(site, "cache")).reason !== undefined,
    );
    findings.count("noticed_ms", noticedMs);
    await away;
    const { status, reason } = await degraded(site, "cache");
    findings.require(reason !== undefined, "Redis is away, and health says so");
    findings.require(status === 200, `ready without Redis: ${status}`);
    const during = (await deepUsers(own)).length;
    findings.require(
      during === 0,
      `the board ends at the game's best: ${during} entries behind it`,
    );
    findings.count("away_ms", performance.now() - awayAt);
    loaded.endAway(findings);
    ctx.print(`away: ${reason}`);

    if (ctx.mutation === undefined) redis = await startRedisServer({ port: redis.port });
    await comesBack(findings, own);
    if (ctx.mutation !== undefined) return findings;
    await loaded.verify(findings);
    const { code } = await platform.drain();
    findings.require(code === 0, `it drains: exit code ${code}`);
    return findings;
  } finally {
    reader?.close();
    await loaded?.end();
    await site.clear();
    await redis.stop();
  }
}

export const lostRedis: OwnDrill = {
  id: "9",
  name: "lost-redis",
  mutations: {
    "stays": /Redis is away, and health says so/,
    "never-returns": /back within .*Infinity/,
  },
  async run(ctx) {
    if (redisServerProgram() === undefined) {
      return { pass: true, counts: {}, notes: ["skipped: redis-server is not on the PATH"] };
    }
    return (await run(ctx)).result();
  },
};
