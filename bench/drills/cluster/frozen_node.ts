/**
 * Drill 4, among several nodes: a node is stopped for twice its lease, under load, and then goes on. The
 * others have its shards by then; it must write nothing to them, answer from none, and join again.
 *
 * @module
 */
import { setTimeout as sleep } from "node:timers/promises";
import postgres from "postgres";
import { limits } from "../../../schema/limits.ts";
import { type OwnContext, type OwnDrill, skip } from "../drill_types.ts";
import { Findings } from "../findings.ts";
import { requireLoaded, startLoad, verify } from "../platform/load.ts";
import { switchOffEpochCheck } from "../platform/epoch_check.ts";
import { ClusterSite, noCluster } from "./cluster_site.ts";
import { metricsOf, ownersOf, until } from "./looks.ts";

const takenMsMax = 15_000;
const rejoinedMsMax = 15_000;

/** Epoch of each shard in the store. */
async function epochsOf(storeUrl: string): Promise<Map<string, number>> {
  const sql = postgres(storeUrl, { max: 1, onnotice() {} });
  const rows = await sql<{ key: string; epoch: number }[]>`
    select stage || '/' || partition as key, epoch::float8 as epoch from shard`
    .finally(() => sql.end());
  return new Map(rows.map(({ key, epoch }) => [key, epoch]));
}

async function run(ctx: OwnContext): Promise<Findings> {
  const findings = new Findings();
  const seconds = ctx.quick ? 45 : 90;
  const cluster = await ClusterSite.open(ctx.dir);
  const stays = cluster.node("stays");
  const freezes = cluster.node("freezes");
  try {
    const process = stays.site.start();
    const info = await process.ready();
    const frozen = freezes.site.start();
    await frozen.ready();
    const hasShare = async () => {
      const { owners, served } = await ownersOf(stays.site);
      return owners.has(freezes.nodeId) && served === 18;
    };
    await until("both nodes have shards", 30_000, hasShare);
    const events = 400 * seconds;
    const load = startLoad(stays.site, { events, seconds, seed: ctx.seed, dir: ctx.dir });
    await sleep(4_000);
    if (ctx.mutation === "no-epoch-check") {
      const sql = postgres(info.store_url, { max: 1, onnotice() {} });
      await switchOffEpochCheck(sql).finally(() => sql.end());
    }

    const before = await epochsOf(info.store_url);
    const stoppedAt = performance.now();
    if (ctx.mutation !== "never-frozen") frozen.signal("SIGSTOP");
    await until("the others have its shards", 40_000, async () => {
      const { owners, served } = await ownersOf(stays.site);
      return !owners.has(freezes.nodeId) && served === 18;
    }).catch((error) => findings.require(false, String(error)));
    const takenMs = performance.now() - stoppedAt;
    findings.count("taken_over_ms", takenMs);
    findings.require(takenMs <= takenMsMax, `its shards are served ≤ 15 s: ${takenMs} ms`);
    await sleep(Math.max(0, 2 * limits.nodeLeaseMs - takenMs));
    const after = await epochsOf(info.store_url);
    const moved = [...after].filter(([key, epoch]) => epoch > (before.get(key) ?? 0)).length;
    findings.count("moved", moved);
    findings.require(moved >= 9, `its shards were taken by force: ${moved}`);

    if (ctx.mutation !== "never-frozen") frozen.signal("SIGCONT");
    const rejoinedMs = await until("it has shards again", 40_000, hasShare);
    findings.count("rejoined_ms", rejoinedMs);
    findings.require(rejoinedMs <= rejoinedMsMax, `it rejoined ≤ 15 s: ${rejoinedMs} ms`);
    const metrics = await metricsOf(freezes.site);
    const sum = (pattern: RegExp) =>
      [...metrics].reduce((total, [name, n]) => pattern.test(name) ? total + n : total, 0);
    const fenced = sum(/^shard_fenced_total/);
    const lost = sum(/^cluster_moves_total\{.*how="lost"/);
    findings.count("fenced", fenced);
    findings.count("lost", lost);
    findings.require(fenced >= 1, `epoch check fired: ${fenced}`);
    load.stop();
    const report = await load.done;
    requireLoaded(findings, report, 1_000);
    if (!findings.result().pass) return findings;
    await verify(ctx, stays.site, findings, { storeUrl: info.store_url, ...load.files });
    for (const node of [frozen, process]) {
      const { code } = await node.drain(40_000);
      findings.require(code === 0, `each node drains: exit code ${code}`);
    }
    return findings;
  } finally {
    await cluster.clear();
  }
}

export const frozenNode: OwnDrill = {
  id: "4n",
  name: "frozen-node",
  mutations: {
    "never-frozen": /its shards were taken by force: 0/,
    "no-epoch-check": /epoch check fired: 0|in SQL twice/,
  },
  async run(ctx) {
    const reason = await noCluster();
    return reason === undefined ? (await run(ctx)).result() : skip(reason);
  },
};
