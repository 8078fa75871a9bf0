/**
 * Drill 2: everything killed at one moment, again and again, while a commit is in flight.
 *
 * The load retries throughout. Nothing that was acknowledged may be lost, nothing may count twice,
 * each player's events keep their order, and every figure must equal a recomputation.
 *
 * @module
 */
import { setTimeout as sleep } from "node:timers/promises";
import postgres from "postgres";
import { seedText } from "../load/generator/population.ts";
import { Random } from "../load/generator/random.ts";
import type { OwnContext, OwnDrill } from "./drill_types.ts";
import { Findings } from "./findings.ts";
import { startEarlyAckProxy } from "./platform/early_ack_proxy.ts";
import { requireLoaded, startLoad, verify } from "./platform/load.ts";
import type { PlatformProcess } from "./platform/platform_process.ts";
import { Probe } from "./platform/probe.ts";
import { freeze, thaw, titleOf } from "./platform/process_tree.ts";
import { Site } from "./platform/site.ts";

const acceptingMsMax = 3_000;
/** How long a moment with a commit in flight is waited for. */
const hitMsMax = 3_000;
const forgetfulPlayer = new URL("./fixtures/forgetful_player.ts", import.meta.url);

/**
 * Stops everything, and leaves it stopped only when a commit is in flight: a backend was seen in
 * `commit_batch` just before, and once all stand still it is still not idle.
 *
 * @returns whether it is
 */
async function freezeInCommit(site: Site, sql: postgres.Sql): Promise<boolean> {
  const roots = await site.roots();
  const deadline = performance.now() + hitMsMax;
  while (performance.now() < deadline) {
    const rows = await sql<{ pid: number }[]>`
      select pid from pg_stat_activity
      where state = 'active' and query like '%commit_batch%' and pid <> pg_backend_pid()`;
    if (rows.length === 0) continue;
    const stopped = [...freeze(rows.map(({ pid }) => pid)), ...freeze(roots)];
    // PostgreSQL shows in its processes' titles what they do.
    if (rows.some(({ pid }) => /^postgres: .* (SELECT|BIND|PARSE)$/.test(titleOf(pid)))) {
      return true;
    }
    thaw(stopped);
  }
  return false;
}

/** Kills everything once, in a commit if it can be had. @returns whether it was */
async function crash(site: Site, storeUrl: string): Promise<boolean> {
  const sql = postgres(storeUrl, { max: 1, connect_timeout: 5, fetch_types: false });
  try {
    return await freezeInCommit(site, sql);
  } finally {
    await site.killAll();
    await sql.end({ timeout: 0 }).catch(() => {});
  }
}

/** The form of the drill. */
function formOf(ctx: OwnContext) {
  return ctx.quick
    ? { events: 20_000, kills: 5, hits: 4, seconds: 36 }
    : { events: 100_000, kills: 20, hits: 15, seconds: 120 };
}

async function run(ctx: OwnContext) {
  const findings = new Findings();
  const startedAt = performance.now();
  const form = formOf(ctx);
  const random = new Random(ctx.seed, 0x0d02);
  const site = new Site(`${ctx.dir}/site`);
  const proxy = ctx.mutation === "early-ack" ? startEarlyAckProxy(site.url) : undefined;
  const start = (): PlatformProcess =>
    site.start(ctx.mutation === "no-dedupe" ? { playerStage: forgetfulPlayer } : {});
  const probe = new Probe(site, `probe-${seedText(ctx.seed)}`);
  try {
    let platform = start();
    let info = await platform.ready();
    const load = startLoad(site, {
      ...form,
      seed: ctx.seed,
      dir: ctx.dir,
      malformed: proxy === undefined ? 0.002 : 0,
      ...(proxy === undefined ? {} : { url: proxy.url }),
    });
    let hits = 0;
    for (let kill = 1; kill <= form.kills; kill++) {
      await sleep(200 + random.below(1_000));
      const wasHit = await crash(site, info.store_url);
      hits += wasHit ? 1 : 0;
      const killedAt = performance.now();
      const ended = await platform.exited;
      findings.require(ended.signal === "SIGKILL", `kill ${kill} ended it: ${ended.signal}`);
      platform = start();
      const acceptedAt = await probe.accepted(30_000) ?? Infinity;
      findings.atLeast("accepting_max_ms", acceptedAt - killedAt);
      info = await platform.ready();
      findings.atLeast("ready_max_ms", performance.now() - killedAt);
      ctx.print(
        `kill ${kill}${wasHit ? " in a commit" : ""}: accepting after ` +
          `${Math.round(acceptedAt - killedAt)} ms, ready after ` +
          `${Math.round(performance.now() - killedAt)} ms, ${load.tally.accepted} accepted`,
      );
    }
    findings.count("kills", form.kills);
    findings.count("kills_in_a_commit", hits);
    findings.require(hits >= form.hits, `at least ${form.hits} kills in a commit: ${hits}`);
    const accepting = findings.result().counts["accepting_max_ms"]!;
    findings.require(accepting <= acceptingMsMax, `accepting ≤ ${acceptingMsMax} ms: ${accepting}`);
    requireLoaded(findings, await load.done, form.events * 0.99);
    await verify(ctx, site, findings, { storeUrl: info.store_url, ...load.files });
    const sql = postgres(info.store_url, { max: 1 });
    const wrong = await probe.wrong(sql).finally(() => sql.end());
    findings.require(wrong === 0, `each of ${probe.acked} probes counted once: ${wrong} are not`);
    findings.count("probes", probe.acked);
    const seconds = (performance.now() - startedAt) / 1000;
    findings.require(ctx.quick || seconds <= 180, `done in 180 s: ${Math.round(seconds)}`);
    return findings.result();
  } finally {
    await proxy?.close();
    await site.clear();
  }
}

export const crashLoop: OwnDrill = {
  id: "2",
  name: "crash-loop",
  mutations: {
    "early-ack": /acknowledged event.* is in SQL: \d+ of/,
    "no-dedupe": /in SQL twice: \d+ of/,
  },
  run,
};
