/**
 * Drill 3: the gateway's process killed again and again under clients that retry. On one machine it
 * is the platform's only process; its PostgreSQL outlives it and is adopted.
 *
 * @module
 */
import postgres from "postgres";
import { seedText } from "../load/generator/population.ts";
import { Random } from "../load/generator/random.ts";
import type { OwnContext, OwnDrill } from "./drill_types.ts";
import { Findings } from "./findings.ts";
import { startEarlyAckProxy } from "./platform/early_ack_proxy.ts";
import { requireLoaded, startLoad, verify } from "./platform/load.ts";
import { Probe } from "./platform/probe.ts";
import { Site } from "./platform/site.ts";

const kills = 10;
const acceptingMsMax = 3_000;
const forgetfulPlayer = new URL("./fixtures/forgetful_player.ts", import.meta.url);

/** When the site's PostgreSQL started: it must be one and the same to the end. */
async function postmasterStart(storeUrl: string): Promise<string> {
  const sql = postgres(storeUrl, { max: 1, fetch_types: false });
  const [row] = await sql<{ at: string }[]>`select pg_postmaster_start_time()::text as at`
    .finally(() => sql.end());
  return row!.at;
}

async function run(ctx: OwnContext) {
  const findings = new Findings();
  const form = ctx.quick ? { events: 20_000, seconds: 25 } : { events: 60_000, seconds: 40 };
  const random = new Random(ctx.seed, 0x0d03);
  const site = new Site(`${ctx.dir}/site`);
  const proxy = ctx.mutation === "early-ack" ? startEarlyAckProxy(site.url) : undefined;
  const start = () =>
    site.start(ctx.mutation === "no-dedupe" ? { playerStage: forgetfulPlayer } : {});
  const probe = new Probe(site, `probe-${seedText(ctx.seed)}`);
  try {
    let platform = start();
    let info = await platform.ready();
    const server = await postmasterStart(info.store_url);
    const load = startLoad(site, {
      ...form,
      seed: ctx.seed,
      dir: ctx.dir,
      malformed: proxy === undefined ? 0.002 : 0,
      ...(proxy === undefined ? {} : { url: proxy.url }),
    });
    for (let kill = 1; kill <= kills; kill++) {
      await new Promise((resolve) => setTimeout(resolve, 300 + random.below(700)));
      const before = load.tally.accepted;
      const ended = await platform.kill();
      findings.require(ended.signal === "SIGKILL", `kill ${kill} ended it: ${ended.signal}`);
      platform = start();
      const acceptedAt = await probe.accepted(30_000) ?? Infinity;
      findings.atLeast("accepting_max_ms", acceptedAt - ended.at);
      info = await platform.ready();
      findings.atLeast("ready_max_ms", performance.now() - ended.at);
      ctx.print(
        `kill ${kill} after ${before} accepted: accepting after ` +
          `${Math.round(acceptedAt - ended.at)} ms`,
      );
    }
    findings.count("kills", kills);
    const accepting = findings.result().counts["accepting_max_ms"]!;
    findings.require(accepting <= acceptingMsMax, `accepting ≤ ${acceptingMsMax} ms: ${accepting}`);
    const isAdopted = await postmasterStart(info.store_url) === server;
    findings.require(isAdopted, "the same PostgreSQL to the end");
    const report = await load.done;
    requireLoaded(findings, report, form.events * 0.99);
    const faults = Object.values(report.errors).reduce((a, b) => a + b, 0);
    // Each kill cuts requests off; who is not cut off does not need to retry.
    const isHit = proxy !== undefined || report.retries >= kills;
    findings.require(isHit, `the clients met each kill: ${report.retries} retries`);
    findings.count("failed_attempts", faults);
    await verify(ctx, site, findings, { storeUrl: info.store_url, ...load.files });
    const sql = postgres(info.store_url, { max: 1 });
    const wrong = await probe.wrong(sql).finally(() => sql.end());
    findings.require(wrong === 0, `each of ${probe.acked} probes counted once: ${wrong} are not`);
    findings.count("probes", probe.acked);
    return findings.result();
  } finally {
    await proxy?.close();
    await site.clear();
  }
}

export const gatewayKill: OwnDrill = {
  id: "3",
  name: "gateway-kill",
  mutations: {
    "early-ack": /acknowledged event.* is in SQL: \d+ of/,
    "no-dedupe": /in SQL twice: \d+ of/,
  },
  run,
};
