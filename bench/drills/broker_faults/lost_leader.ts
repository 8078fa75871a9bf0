/**
 * Drill 5 with three brokers: one of them is killed and never comes back. The others must take over
 * what it led; nothing of what was acknowledged may be lost with it.
 *
 * @module
 */
import { setTimeout as sleep } from "node:timers/promises";
import { join } from "node:path";
import postgres from "postgres";
import { isAlive } from "../../../supervisor/store/embedded/postmaster.ts";
import { seedText } from "../../load/generator/population.ts";
import { until } from "../cluster/looks.ts";
import { type OwnContext, type OwnDrill, skip } from "../drill_types.ts";
import { Findings } from "../findings.ts";
import { Admin } from "../platform/admin.ts";
import { requireLoaded, startLoad, verify } from "../platform/load.ts";
import { Site } from "../platform/site.ts";
import { noServers, OwnServers } from "../servers/own_servers.ts";
import { OutageProbe } from "./outage_probe.ts";

const brokers = 3;
const eventsPerSecond = 500;
const beforeMs = 4_000;
const afterMs = { quick: 20_000, full: 60_000 };
/** The controller gives a broker up 9 s after its last sign of life. */
const takenOverMsMax = 15_000;
const lagMsMax = 30_000;
const forgetfulPlayer = new URL("../fixtures/forgetful_player.ts", import.meta.url);

/** @returns when it was gone, `performance.now()` */
async function killOne(ctx: OwnContext, findings: Findings, servers: OwnServers): Promise<number> {
  const pid = (await servers.pids("kafka"))[ctx.seed % brokers]!;
  if (ctx.mutation !== "never-killed") {
    Deno.kill(pid, "SIGKILL");
    await until("the broker is gone", 2_000, async () => !await isAlive(pid));
  }
  findings.require(!await isAlive(pid), "a broker of three is gone");
  return performance.now();
}

async function run(ctx: OwnContext): Promise<Findings> {
  const findings = new Findings();
  const keepsMs = afterMs[ctx.quick ? "quick" : "full"];
  const servers = await OwnServers.start(join(ctx.dir, "servers"), ["kafka", "postgres"], {
    brokers,
  });
  const { LOG_URL, STORE_URL } = await servers.variables();
  const site = new Site(join(ctx.dir, "site"), {
    env: { LOG_URL: LOG_URL!, STORE_URL: STORE_URL! },
  });
  let probe: OutageProbe | undefined;
  try {
    const platform = site.start(
      ctx.mutation === "no-dedupe" ? { playerStage: forgetfulPlayer } : {},
    );
    await platform.ready();
    const seconds = (beforeMs + keepsMs) / 1000;
    const events = seconds * eventsPerSecond;
    const load = startLoad(site, { seed: ctx.seed, events, seconds, dir: ctx.dir, malformed: 0 });
    probe = new OutageProbe(site.url, site, `probe-${seedText(ctx.seed)}`);
    await sleep(beforeMs);
    const killedAt = await killOne(ctx, findings, servers);
    if (!findings.result().pass) return findings;
    await sleep(keepsMs);
    const since = probe.since(killedAt);
    const refused = since.filter(({ status }) => status !== 202);
    const last = refused.at(-1);
    const overMs = last === undefined ? 0 : last.sentAt + last.tookMs - killedAt;
    findings.count("refused", refused.length);
    findings.count("taken_over_ms", overMs);
    findings.require(refused.length > 0, "some of its partitions were missed for a moment");
    findings.require(overMs <= takenOverMsMax, `no refusal after 15 s: ${overMs} ms`);
    const report = await load.done;
    const doneAt = performance.now();
    await probe.end();
    requireLoaded(findings, report, events * 0.9);
    const admin = new Admin(site);
    const lagMs = await until("there is no lag", 2 * lagMsMax, async () => {
      return (await admin.shards()).every(({ lag, mailbox }) => lag === 0 && mailbox === 0);
    });
    findings.count("lag_zero_ms", performance.now() - doneAt);
    findings.require(lagMs <= lagMsMax, `lag 0 within ${lagMsMax} ms: ${lagMs}`);
    await verify(ctx, site, findings, { storeUrl: STORE_URL!, ...load.files });
    const sql = postgres(STORE_URL!, { max: 1, onnotice() {} });
    const wrong = await probe.wrong(sql).finally(() => sql.end());
    findings.count("probes", probe.acked);
    findings.require(wrong === 0, `each of ${probe.acked} probes counted once: ${wrong} are not`);
    return findings;
  } finally {
    await probe?.end();
    await site.clear();
    await servers.clear();
  }
}

export const lostLeader: OwnDrill = {
  id: "5c",
  name: "lost-leader",
  mutations: {
    "never-killed": /a broker of three is gone/,
    "no-dedupe": /in SQL twice: \d+ of/,
  },
  async run(ctx) {
    const reason = await noServers(["kafka", "postgres"]);
    return reason === undefined ? (await run(ctx)).result() : skip(reason);
  },
};
