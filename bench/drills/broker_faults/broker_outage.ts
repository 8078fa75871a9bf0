/**
 * What drills 5 and 6 have in common: the broker goes away under load and comes back, once or several
 * times. Meanwhile everything is refused at once and nothing is acknowledged; then all goes on by
 * itself.
 *
 * @module
 */
import { setTimeout as sleep } from "node:timers/promises";
import { join } from "node:path";
import postgres from "postgres";
import { seedText } from "../../load/generator/population.ts";
import type { OwnContext } from "../drill_types.ts";
import { Findings } from "../findings.ts";
import { Admin } from "../platform/admin.ts";
import { startEarlyAckProxy } from "../platform/early_ack_proxy.ts";
import { type DrillLoad, requireLoaded, startLoad, verify } from "../platform/load.ts";
import type { PlatformProcess } from "../platform/platform_process.ts";
import { isAlive } from "../../../supervisor/store/embedded/postmaster.ts";
import { Site } from "../platform/site.ts";
import { OwnServers } from "../servers/own_servers.ts";
import { OutageProbe } from "./outage_probe.ts";

/** How the broker is taken away. */
export interface BrokerOutage {
  readonly rounds: number;
  /** Beside the time that its start takes. */
  readonly awayMs: { readonly quick: number; readonly full: number };
  /** Resolves when no process of it is left. */
  take(servers: OwnServers): Promise<void>;
}

const eventsPerSecond = { quick: 800, full: 1_500 };
const warmUpMs = { quick: 4_000, full: 15_000 };
/** The load goes on for so long after the last return. */
const afterMs = { quick: 4_000, full: 10_000 };
/** A start of the broker is expected to take no longer; the load ends by itself after it. */
const startMs = 12_000;
/** A broker that has just come up on a busy machine is slow at first, and load is shed. */
const refusedBeforeMax = 0.05;
const goneMsMax = 2_000;
const refusedMsMax = 2_000;
const acceptingMsMax = 10_000;
const lagMsMax = 30_000;
const forgetfulPlayer = new URL("../fixtures/forgetful_player.ts", import.meta.url);

/** Kills a server's processes and waits until they are gone. */
export async function killServer(servers: OwnServers): Promise<void> {
  const pids = await servers.pids("kafka");
  for (const pid of pids) Deno.kill(pid, "SIGKILL");
  for (const pid of pids) while (await isAlive(pid)) await sleep(5);
}

async function listens(url: string): Promise<boolean> {
  const { hostname, port } = new URL(url.replace(/^kafka:/, "http:"));
  return await Deno.connect({ hostname, port: Number(port) })
    .then((connection) => (connection.close(), true), () => false);
}

/** Waits until `done` holds. @returns how long it took since `since`; `Infinity`: not in time */
async function timed(since: number, limitMs: number, done: () => boolean | Promise<boolean>) {
  while (performance.now() - since <= limitMs) {
    if (await Promise.resolve().then(done).catch(() => false)) return performance.now() - since;
    await sleep(20);
  }
  return Infinity;
}

interface Run {
  readonly ctx: OwnContext;
  readonly outage: BrokerOutage;
  readonly findings: Findings;
  readonly servers: OwnServers;
  readonly logUrl: string;
  readonly probe: OutageProbe;
  readonly load: DrillLoad;
}

/** @returns when the broker listens again, `performance.now()` */
async function startBroker({ servers, logUrl }: Run): Promise<number> {
  const started = servers.startAgain("kafka");
  started.catch(() => {});
  let isDone = false;
  const seen = (async () => {
    while (!isDone && !await listens(logUrl)) await sleep(20);
    return performance.now();
  })();
  await started.finally(() => isDone = true);
  return await seen;
}

/** @returns when the broker was back, `performance.now()` */
async function oneRound(run: Run): Promise<number> {
  const { ctx, outage, findings, servers, logUrl, probe, load } = run;
  if (ctx.mutation !== "never-away") await outage.take(servers);
  let awayAt = performance.now();
  const accepted = load.tally.accepted;
  // A process of many threads closes its sockets a moment after it has ended.
  const isAway = await timed(awayAt, goneMsMax, async () => !await listens(logUrl)) < Infinity;
  findings.require(isAway, "nobody listens on the broker's port while it is away");
  if (!isAway) return awayAt;
  awayAt = performance.now();
  await sleep(outage.awayMs[ctx.quick ? "quick" : "full"]);
  // What was on its way when the broker went may have been kept; it must not wait for longer, either.
  const onTheWay = probe.answers.filter(({ sentAt, tookMs }) => {
    return sentAt < awayAt && sentAt + tookMs >= awayAt;
  });
  const waited = Math.max(0, ...onTheWay.map(({ tookMs }) => tookMs));
  findings.atLeast("on_the_way_max_ms", waited);
  findings.require(
    waited <= refusedMsMax,
    `what was on its way is answered ≤ ${refusedMsMax} ms: ${waited}`,
  );
  const meanwhile = probe.since(awayAt);
  findings.require(meanwhile.length >= 10, `at least 10 probes while away: ${meanwhile.length}`);
  const acked = meanwhile.filter(({ status }) => status === 202).length;
  findings.require(acked === 0, `no 202 without a broker: ${acked}`);
  const others = meanwhile.filter((one) => one.status !== 503 || one.retryAfter === undefined);
  findings.require(
    others.length === 0,
    `503 with Retry-After: ${others.length} of ${meanwhile.length} are not, the first ${
      JSON.stringify(others[0])
    }`,
  );
  const slowest = Math.max(...meanwhile.map(({ tookMs }) => tookMs));
  findings.atLeast("refused_max_ms", slowest);
  findings.require(slowest <= refusedMsMax, `refused ≤ ${refusedMsMax} ms: ${slowest}`);
  findings.atLeast("accepted_late", load.tally.accepted - accepted);

  const backAt = await startBroker(run);
  findings.atLeast("away_ms", backAt - awayAt);
  const first = () => probe.since(awayAt).find(({ status }) => status === 202);
  await timed(backAt, 2 * acceptingMsMax, () => first() !== undefined);
  const seen = first();
  const acceptingMs = seen === undefined ? Infinity : seen.sentAt + seen.tookMs - backAt;
  findings.atLeast("accepting_ms", acceptingMs);
  findings.require(
    acceptingMs <= acceptingMsMax,
    `accepting ≤ ${acceptingMsMax} ms after the broker's return: ${acceptingMs}`,
  );
  ctx.print(`away for ${Math.round(backAt - awayAt)} ms, accepting after ${acceptingMs | 0} ms`);
  return backAt;
}

async function requireCaughtUp({ findings }: Run, admin: Admin, backAt: number): Promise<void> {
  const lagMs = await timed(backAt, 2 * lagMsMax, async () => {
    return (await admin.shards()).every(({ lag, mailbox }) => lag === 0 && mailbox === 0);
  });
  findings.count("lag_zero_ms", lagMs);
  findings.require(lagMs <= lagMsMax, `lag 0 within ${lagMsMax} ms of the return: ${lagMs}`);
  const letters = (await admin.deadLetters()).length;
  findings.require(letters === 0, `nothing dead-lettered: ${letters}`);
}

async function allRounds(run: Run, platform: PlatformProcess, storeUrl: string): Promise<void> {
  const { ctx, outage, findings, probe, load } = run;
  const form = ctx.quick ? "quick" : "full";
  const startedAt = performance.now();
  await sleep(warmUpMs[form]);
  const refused = probe.answers.filter(({ status }) => status !== 202);
  findings.count("refused_before", refused.length);
  findings.count("refused_before_last_ms", (refused.at(-1)?.sentAt ?? startedAt) - startedAt);
  findings.require(
    refused.length <= probe.answers.length * refusedBeforeMax,
    `probes are accepted before: ${refused.length} of ${probe.answers.length} are not, the last ${
      JSON.stringify(refused.at(-1))
    }`,
  );
  let backAt = performance.now();
  for (let i = 0; i < outage.rounds && findings.result().pass; i++) {
    backAt = await oneRound(run);
    if (i < outage.rounds - 1) await sleep(2_000);
  }
  await sleep(afterMs[form]);
  load.stop();
  const report = await load.done;
  await probe.end();
  findings.count("probes", probe.acked);
  if (!findings.result().pass) return;
  requireLoaded(findings, report, 2_000);
  await requireCaughtUp(run, new Admin(run.probe.site), backAt);
  await verify(ctx, probe.site, findings, { storeUrl, ...load.files });
  const sql = postgres(storeUrl, { max: 1, onnotice() {} });
  const wrong = await probe.wrong(sql).finally(() => sql.end());
  findings.require(wrong === 0, `each of ${probe.acked} probes counted once: ${wrong} are not`);
  findings.require(platform.isRunning, "the platform lives through it");
  const { code } = await platform.drain(20_000);
  findings.require(code === 0, `it drains: exit code ${code}`);
}

/** Mutations of both drills: the fault missing, early acknowledgements, no dedupe. */
export const brokerMutations: Readonly<Record<string, RegExp>> = {
  "never-away": /nobody listens on the broker's port/,
  "early-ack": /no 202 without a broker: \d+/,
  "no-dedupe": /in SQL twice: \d+ of/,
};

export async function runBrokerOutage(ctx: OwnContext, outage: BrokerOutage) {
  const findings = new Findings();
  const form = ctx.quick ? "quick" : "full";
  const servers = await OwnServers.start(join(ctx.dir, "servers"), ["kafka", "postgres"]);
  const { LOG_URL: logUrl, STORE_URL: storeUrl } = await servers.variables();
  const env = { LOG_URL: logUrl!, STORE_URL: storeUrl! };
  const site = new Site(join(ctx.dir, "site"), { env });
  const proxy = ctx.mutation === "early-ack" ? startEarlyAckProxy(site.url) : undefined;
  let probe: OutageProbe | undefined;
  try {
    const platform = site.start(
      ctx.mutation === "no-dedupe" ? { playerStage: forgetfulPlayer } : {},
    );
    await platform.ready();
    const seconds = (warmUpMs[form] + afterMs[form] +
      outage.rounds * (outage.awayMs[form] + startMs)) / 1000;
    const events = seconds * eventsPerSecond[form];
    const load = startLoad(site, { seed: ctx.seed, events, seconds, dir: ctx.dir, malformed: 0 });
    probe = new OutageProbe(proxy?.url ?? site.url, site, `probe-${seedText(ctx.seed)}`);
    const run = { ctx, outage, findings, servers, logUrl: logUrl!, probe, load };
    await allRounds(run, platform, storeUrl!);
    return findings.result();
  } finally {
    await probe?.end();
    await proxy?.close();
    await site.clear();
    await servers.clear();
  }
}
