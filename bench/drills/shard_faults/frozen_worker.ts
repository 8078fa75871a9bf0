/**
 * Drill 4, on one node: a shard worker is caught in a loop without end, under load. It is noticed and
 * replaced, and left to itself for the drill, so that it goes on when its loop ends, beside its
 * replacement, knowing nothing of it. The store must turn away whatever it writes then.
 *
 * @module
 */
import { join } from "node:path";
import postgres from "postgres";
import { seedText } from "../../load/generator/population.ts";
import { HttpConnection } from "../../load/client/http_connection.ts";
import type { OwnContext, OwnDrill } from "../drill_types.ts";
import { Findings } from "../findings.ts";
import { requireLoaded, startLoad, verify } from "../platform/load.ts";
import { switchOffEpochCheck } from "../platform/epoch_check.ts";
import type { PlatformProcess } from "../platform/platform_process.ts";
import { Probe } from "../platform/probe.ts";
import { Site } from "../platform/site.ts";

const servingMsMax = 15_000;
const freezingPlayer = new URL("../fixtures/freezing_player.ts", import.meta.url);
/** The zombie's words when the store has turned it away. */
const fencedText = /Another owner has the shard/g;

async function exists(path: string): Promise<true | undefined> {
  return await Deno.stat(path).then(() => true as const, () => undefined);
}

/** Sends the event that the first worker to see it never comes back from. */
async function freeze(site: Site, platform: PlatformProcess, seed: number, file: string) {
  const connection = new HttpConnection(site.target);
  const { status } = await connection.send(JSON.stringify({
    event_id: `freeze-${seedText(seed)}`,
    event_type: "freeze",
    user_id: `freezer-${seedText(seed)}`,
    game_id: "drill-probe",
    properties: { freeze: true },
  }));
  connection.close();
  if (status !== 202) throw new Error(`Cannot freeze a worker: the event was answered ${status}`);
  await platform.until("the worker is frozen", 10_000, () => exists(file));
}

/** Waits until an event sent now is in the store. @returns when, or `undefined` */
async function served(site: Site, sql: postgres.Sql, prefix: string): Promise<number | undefined> {
  const probe = new Probe(site, prefix);
  const deadline = performance.now() + 2 * servingMsMax;
  if (await probe.accepted(2_000) === undefined) return undefined;
  while (performance.now() < deadline) {
    if (await probe.wrong(sql) === 0) return performance.now();
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return undefined;
}

const epochs = (sql: postgres.Sql) =>
  sql<{ shards: string }[]>`
    select string_agg(stage || partition || ':' || epoch || ':' || owner, ' '
      order by stage, partition) as shards from shard`;

async function run(ctx: OwnContext) {
  const findings = new Findings();
  const site = new Site(join(ctx.dir, "site"), { env: { WORKERS: "1" } });
  const file = join(ctx.dir, "frozen");
  const seconds = ctx.quick ? 32 : 60;
  let sql: postgres.Sql | undefined;
  try {
    const platform = site.start({
      playerStage: freezingPlayer,
      frozenWorkers: ctx.mutation === "no-watchdog" ? "ignore" : "leave",
      env: { DRILL_FREEZE_FILE: file },
    });
    const info = await platform.ready();
    sql = postgres(info.store_url, { max: 2, onnotice: () => {} });
    if (ctx.mutation === "no-epoch-check") await switchOffEpochCheck(sql);
    const events = seconds * 500;
    const load = startLoad(site, { seed: ctx.seed, events, seconds, dir: ctx.dir });
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    await freeze(site, platform, ctx.seed, file);
    const frozenAt = performance.now();
    const servedAt = await served(site, sql, `after-${seedText(ctx.seed)}`) ?? Infinity;
    const servingMs = Math.round(servedAt - frozenAt);
    findings.count("serving_again_ms", servingMs);
    findings.require(servingMs <= servingMsMax, `served ≤ ${servingMsMax} ms: ${servingMs}`);
    ctx.print(`served again ${servingMs} ms after a worker froze`);
    if (!Number.isFinite(servingMs)) return findings.result();
    await platform.until("it is ready", 10_000, async () => {
      return (await platform.get("/health/ready")).status === 200 ? true : undefined;
    });
    const before = (await epochs(sql))[0]!.shards;
    await Deno.writeTextFile(`${file}.thaw`, "");
    const fencings = () => platform.output.match(fencedText)?.length ?? 0;
    await platform.until("the zombie is fenced", 10_000, () => {
      return Promise.resolve(fencings() > 0 ? true : undefined);
    }).catch(() => {});
    // The zombie's other shards find out as they come to commit.
    requireLoaded(findings, await load.done, events * 0.99);
    findings.count("epoch_checks_fired", fencings());
    findings.require(fencings() > 0, `epoch check fired: ${fencings()}`);
    const after = (await epochs(sql))[0]!.shards;
    findings.require(after === before, `the replacement still owns all: ${before}, then ${after}`);
    const restarts = platform.output.includes("no sign of life");
    findings.require(restarts, `the watchdog says why it replaced the worker: ${restarts}`);
    await verify(ctx, site, findings, { storeUrl: info.store_url, ...load.files });
    return findings.result();
  } finally {
    await sql?.end({ timeout: 1 });
    await site.clear();
  }
}

export const frozenWorker: OwnDrill = {
  id: "4",
  name: "frozen-worker",
  mutations: {
    "no-watchdog": /served ≤ \d+ ms: Infinity/,
    "no-epoch-check": /epoch check fired: 0|in SQL twice/,
  },
  run,
};
