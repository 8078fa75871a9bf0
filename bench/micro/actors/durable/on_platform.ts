/**
 * The counter on the whole platform: a POST an event, the embedded log, shards, the embedded
 * PostgreSQL. An event is counted when the commit that holds its count has landed.
 *
 * @module
 */
import postgres from "postgres";
import { Admin } from "../../../drills/platform/admin.ts";
import type { PlatformProcess } from "../../../drills/platform/platform_process.ts";
import { Site } from "../../../drills/platform/site.ts";
import {
  type DurableContestant,
  type DurableJob,
  eventId,
  userOf,
  warmUpOf,
} from "./contestant.ts";
import { expectStatus, Lanes } from "./lanes.ts";

const counterStage = new URL("counter_stage.ts", import.meta.url);
const committedMsMax = 120_000;
const operatorsAtOnce = 8;

/** Waits until as many records of players are committed. */
async function committed(platform: PlatformProcess, sql: postgres.Sql, events: number) {
  await platform.until(`${events} events are committed`, committedMsMax, async () => {
    const [row] = await sql<{ n: number }[]>`
      select coalesce(sum(next_offset), 0)::float8 as n from shard where stage = 'player'`;
    return row!.n >= events ? true : undefined;
  });
}

/** What the actors themselves say. */
async function sumOfCounts(site: Site, job: DurableJob): Promise<number> {
  const admin = new Admin(site);
  let [next, sum] = [0, 0];
  const players = Math.min(job.players, job.events);
  await Promise.all(Array.from({ length: operatorsAtOnce }, async () => {
    while (next < players) {
      const { state } = await admin.actor("player", `demo/${userOf(job, next++)}`);
      sum += countIn(state);
    }
  }));
  return sum;
}

/** The count in a state as operators see it: its parts by name. */
function countIn(state: unknown): number {
  const n = JSON.stringify(state).match(/"n":\s*(\d+)/)?.[1];
  if (n === undefined) throw new Error(`No count in ${JSON.stringify(state)}`);
  return Number(n);
}

export const onPlatform: DurableContestant = {
  name: "platform",
  async run(job, dir) {
    const site = new Site(`${dir}/site`);
    const warmUp = warmUpOf(job);
    try {
      const platform = site.start({ playerStage: counterStage });
      const { store_url } = await platform.ready();
      const lanes = new Lanes(site.target, job.concurrency);
      const sql = postgres(store_url, { max: 1 });
      const send = (first: number, count: number) =>
        lanes.send({ first, count }, (connection, n) =>
          connection.send(JSON.stringify({
            event_id: eventId(n),
            event_type: "level.start",
            user_id: userOf(job, n),
            game_id: "starfall",
            properties: { level: n % 40 },
            context: { platform: "ios", app_version: "1.4.2" },
          })), expectStatus(202));
      try {
        await send(0, warmUp);
        await committed(platform, sql, warmUp);
        const startedAt = performance.now();
        const { p50, p99 } = await send(warmUp, job.events);
        await committed(platform, sql, warmUp + job.events);
        const ms = performance.now() - startedAt;
        return { ms, p50, p99, counted: await sumOfCounts(site, job) - warmUp };
      } finally {
        lanes.close();
        await sql.end();
      }
    } finally {
      await site.clear();
    }
  },
};
