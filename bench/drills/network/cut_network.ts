/**
 * Drill 16: of two nodes under load one is cut off from the broker, then from the database, each in one
 * direction after the other. Without a broker it refuses at once; without the database it goes on
 * accepting, and the other node takes its shards. Each time it comes back by itself.
 *
 * @module
 */
import { setTimeout as sleep } from "node:timers/promises";
import postgres from "postgres";
import { limits } from "../../../schema/limits.ts";
import { seedText } from "../../load/generator/population.ts";
import { OutageProbe } from "../broker_faults/outage_probe.ts";
import { ClusterSite, noCluster, type NodeSite } from "../cluster/cluster_site.ts";
import { compareHashes, metricsOf, ownersOf, until } from "../cluster/looks.ts";
import { type OwnContext, type OwnDrill, skip } from "../drill_types.ts";
import { Findings } from "../findings.ts";
import { Admin } from "../platform/admin.ts";
import { requireLoaded, startLoad, verify } from "../platform/load.ts";
import { clearAllNetworks, type Direction, NodeNetwork, noNamespaces } from "./node_network.ts";

const cutMs = 2 * limits.nodeLeaseMs;
const takenMsMax = 15_000;
const backMsMax = 15_000;
const acceptingMsMax = 10_000;
const refusedMsMax = 2_000;
const lagMsMax = 60_000;
const eventsPerSecond = 400;
/** A cut with what it takes around it. */
const roundSeconds = 45;
const forgetfulPlayer = new URL("../fixtures/forgetful_player.ts", import.meta.url);

type Server = "broker" | "store";
type Cut = readonly [link: Server, direction: Direction];

/**
 * All of them in full form, the store's one after the other: what the first of them held back arrives
 * while the second one lasts. In quick form two, which the seed chooses.
 */
const cuts: readonly Cut[] = [["broker", "out"], ["broker", "in"], ["store", "out"], [
  "store",
  "in",
]];
const quickCuts: readonly (readonly Cut[])[] = [
  [["broker", "in"], ["store", "out"]],
  [["broker", "out"], ["store", "in"]],
];

function planOf({ quick, seed }: OwnContext): readonly Cut[] {
  return quick ? quickCuts[seed % quickCuts.length]! : cuts;
}

interface Run {
  readonly ctx: OwnContext;
  readonly findings: Findings;
  readonly network: NodeNetwork;
  readonly ports: Readonly<Record<Server, number>>;
  readonly stays: NodeSite;
  readonly cutOff: NodeSite;
  readonly probe: OutageProbe;
}

async function hasShare({ stays, cutOff }: Run): Promise<boolean> {
  const { owners, served } = await ownersOf(stays.site);
  return owners.has(cutOff.nodeId) && served === 18;
}

/** What the node's clients are told while the broker is out of its reach. */
function requireRefused({ findings, probe }: Run, name: string, since: number): void {
  const answers = probe.since(since);
  const acked = answers.filter(({ status }) => status === 202).length;
  findings.require(answers.length >= 5, `${name}: at least 5 probes: ${answers.length}`);
  findings.require(acked === 0, `${name}: no 202 without a broker: ${acked}`);
  const others = answers.filter((one) => one.status !== 503 || one.retryAfter === undefined);
  findings.require(
    others.length === 0,
    `${name}: 503 with Retry-After: ${others.length} of ${answers.length} are not, the first ${
      JSON.stringify(others[0])
    }`,
  );
  const slowest = Math.max(...answers.map(({ tookMs }) => tookMs));
  findings.atLeast("refused_max_ms", slowest);
  findings.require(slowest <= refusedMsMax, `${name}: refused ≤ ${refusedMsMax} ms: ${slowest}`);
}

/** The others serve its shards, and it goes on accepting. */
async function requireTaken(run: Run, name: string, since: number): Promise<void> {
  const { findings, probe, stays, cutOff } = run;
  await until("the other has its shards", 2 * takenMsMax, async () => {
    const { owners, served } = await ownersOf(stays.site);
    return !owners.has(cutOff.nodeId) && served === 18;
  }).catch((error) => findings.require(false, `${name}: ${(error as Error).message}`));
  const takenMs = performance.now() - since;
  findings.atLeast("taken_over_max_ms", takenMs);
  findings.require(takenMs <= takenMsMax, `${name}: its shards are served ≤ 15 s: ${takenMs} ms`);
  await sleep(Math.max(0, cutMs - takenMs));
  const answers = probe.since(since);
  const refused = answers.filter(({ status }) => status !== 202);
  findings.require(
    answers.length >= 50 && refused.length === 0,
    `${name}: every event answered 202: ${refused.length} of ${answers.length} are not, the first ${
      JSON.stringify(refused[0])
    }`,
  );
}

async function oneCut(run: Run, [link, direction]: Cut): Promise<void> {
  const { ctx, findings, network, ports, probe } = run;
  const name = `${link}, ${direction}`;
  if (ctx.mutation !== "never-cut") await network.cut(link, direction);
  const cutAt = performance.now();
  const isReached = await network.reaches(link, ports[link]);
  findings.require(!isReached, `${name}: the node cannot reach the server`);
  if (isReached) return;
  // What was sent before goes either way.
  const settledAt = cutAt + 100;
  if (link === "store") await requireTaken(run, name, settledAt);
  else {
    await sleep(cutMs);
    requireRefused(run, name, settledAt);
    const { owners } = await ownersOf(run.stays.site);
    findings.remark(
      `${name}: it ${owners.has(run.cutOff.nodeId) ? "keeps its shards, which wait" : "let go"}`,
    );
  }
  const countBefore = probe.acked;
  await network.heal(link, direction);
  const healedAt = performance.now();
  const accepting = await until(`${name}: accepting again`, 30_000, () => {
    return Promise.resolve(probe.acked > countBefore);
  });
  findings.atLeast("accepting_max_ms", accepting);
  findings.require(accepting <= acceptingMsMax, `${name}: accepting ≤ 10 s: ${accepting} ms`);
  await until(`${name}: it has shards again`, 40_000, () => hasShare(run));
  const backMs = performance.now() - healedAt;
  findings.atLeast("rejoined_max_ms", backMs);
  findings.require(backMs <= backMsMax, `${name}: it rejoined ≤ 15 s: ${backMs} ms`);
  // The next cut is to find a node that is not behind.
  const caughtUpMs = await until(`${name}: it has caught up`, 2 * lagMsMax, async () => {
    const rows = await new Admin(run.stays.site).shards();
    return rows.reduce((sum, { lag }) => sum + lag, 0) < eventsPerSecond;
  });
  findings.atLeast("caught_up_max_ms", backMs + caughtUpMs);
  findings.require(backMs + caughtUpMs <= lagMsMax, `${name}: caught up ≤ 60 s: ${caughtUpMs} ms`);
  ctx.print(`${name}: cut for ${(healedAt - cutAt) | 0} ms, back after ${backMs | 0} ms`);
}

async function tell({ findings, cutOff, stays }: Run, isStoreCut: boolean): Promise<void> {
  const metrics = await metricsOf(cutOff.site);
  const sum = (pattern: RegExp) =>
    [...metrics].reduce((total, [name, n]) => pattern.test(name) ? total + n : total, 0);
  const fenced = sum(/^shard_fenced_total/);
  const lost = sum(/^cluster_moves_total\{.*how="lost"/);
  findings.count("fenced", fenced);
  findings.count("lost_shards", lost);
  if (isStoreCut) {
    findings.require(fenced + lost >= 1, `it learnt that its shards were lost: ${fenced + lost}`);
  }
  const { store_url } = JSON.parse(await Deno.readTextFile(`${stays.site.dataDir}/run.json`));
  const { equal, different } = await compareHashes(store_url);
  findings.count("hashes_equal", equal);
  findings.require(equal > 0 && different === 0, `each shard's hash as its rows: ${different} not`);
}

async function underLoad(run: Run, storeUrl: string): Promise<void> {
  const { ctx, findings, stays, probe } = run;
  const plan = planOf(ctx);
  const seconds = plan.length * roundSeconds;
  const events = seconds * eventsPerSecond;
  const load = startLoad(stays.site, { events, seconds, seed: ctx.seed, dir: ctx.dir });
  await sleep(3_000);
  for (const cut of plan) {
    if (findings.result().pass) await oneCut(run, cut);
  }
  await probe.end();
  load.stop();
  const report = await load.done;
  findings.count("probes", probe.acked);
  if (!findings.result().pass) return;
  await tell(run, plan.some(([link]) => link === "store"));
  requireLoaded(findings, report, 1_000);
  await verify(ctx, stays.site, findings, { storeUrl, ...load.files });
  const sql = postgres(storeUrl, { max: 1, onnotice() {} });
  const wrong = await probe.wrong(sql).finally(() => sql.end());
  findings.require(wrong === 0, `each of ${probe.acked} probes counted once: ${wrong} are not`);
}

async function run(ctx: OwnContext): Promise<Findings> {
  const findings = new Findings();
  const network = await NodeNetwork.open();
  let cluster: ClusterSite | undefined;
  let probe: OutageProbe | undefined;
  try {
    const hosts = {
      kafka: network.outerAddress("broker"),
      postgres: network.outerAddress("store"),
    };
    cluster = await ClusterSite.open(ctx.dir, { hosts });
    // Redis is not within the node's reach, and not what is tried here.
    const env = { CACHE_URL: "", ADMIN_HOST: "0.0.0.0" };
    const stays = cluster.node("stays", { address: network.outerAddress("front"), env });
    const host = network.innerAddress("front");
    const { runner } = network;
    const cutOff = cluster.node("cut-off", { address: host, host, runner, env });
    const start = ctx.mutation === "no-dedupe" ? { playerStage: forgetfulPlayer } : {};
    const platforms = [stays.site.start(start), cutOff.site.start(start)];
    const [info] = await Promise.all(platforms.map((platform) => platform.ready()));
    const ports = {
      broker: Number(new URL(cluster.env["LOG_URL"]!.replace(/^kafka:/, "http:")).port),
      store: Number(new URL(cluster.env["STORE_URL"]!).port),
    };
    probe = new OutageProbe(cutOff.site.url, cutOff.site, `probe-${seedText(ctx.seed)}`);
    const all = { ctx, findings, network, ports, stays, cutOff, probe };
    await until("both nodes have shards", 40_000, () => hasShare(all));
    await underLoad(all, info!.store_url);
    for (const platform of platforms.toReversed()) {
      const { code } = await platform.drain(40_000);
      findings.require(code === 0, `each node drains: exit code ${code}`);
    }
    return findings;
  } finally {
    await probe?.end();
    await cluster?.clear();
    await clearAllNetworks();
  }
}

export const cutNetwork: OwnDrill = {
  id: "16",
  name: "cut-network",
  mutations: {
    "never-cut": /the node cannot reach the server/,
    "no-dedupe": /in SQL twice: \d+ of/,
  },
  async run(ctx) {
    const reason = await noCluster() ?? await noNamespaces();
    return reason === undefined ? (await run(ctx)).result() : skip(reason);
  },
};
