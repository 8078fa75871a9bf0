/**
 * How drills look at a cluster from outside.
 *
 * @module
 */
import { setTimeout as sleep } from "node:timers/promises";
import postgres from "postgres";
import { Admin } from "../platform/admin.ts";
import type { Site } from "../platform/site.ts";

/** Sums of a node's metrics: name with labels → value. */
export async function metricsOf(site: Site): Promise<Map<string, number>> {
  const text = await (await fetch(new URL("/metrics", site.adminUrl))).text();
  const rows = text.split("\n").filter((line) => line.startsWith("gamemetrics_"));
  return new Map(rows.map((row) => {
    const at = row.lastIndexOf(" ");
    return [row.slice("gamemetrics_".length, at), Number(row.slice(at))];
  }));
}

/** Nodes that own shards, as a node's admin API tells. */
export async function ownersOf(site: Site): Promise<{ owners: Set<string>; served: number }> {
  const rows = (await new Admin(site).shards()).filter(({ state }) => state !== "unserved");
  const served = rows.filter(({ epoch, state }) => epoch > 0 && state !== "starting").length;
  return { owners: new Set(rows.map(({ node }) => String(node))), served };
}

/** Holds the hash of every shard, as its owners have kept it, against the sum over its rows. */
export async function compareHashes(
  storeUrl: string,
): Promise<{ readonly equal: number; readonly different: number }> {
  const sql = postgres(storeUrl, { max: 1, onnotice() {} });
  const [row] = await sql<{ equal: number; different: number }[]>`
    select count(*) filter (where h.recorded = h.summed)::int as equal,
      count(*) filter (where h.recorded <> h.summed)::int as different
    from shard s, lateral shard_hash(s.stage, s.partition) h`.finally(() => sql.end());
  return row!;
}

/** Looks until it holds. @returns how long that took, milliseconds. @throws {Error} not within `ms` */
export async function until(
  what: string,
  ms: number,
  holds: () => Promise<boolean>,
): Promise<number> {
  const startedAt = performance.now();
  while (!await holds().catch(() => false)) {
    if (performance.now() - startedAt > ms) {
      throw new Error(`Waited in vain until ${what}: ${ms} ms`);
    }
    await sleep(50);
  }
  return performance.now() - startedAt;
}

/** Records of the raw topic that the store holds what came of. */
export async function committedIn(storeUrl: string): Promise<number> {
  const sql = postgres(storeUrl, { max: 1, onnotice() {} });
  const [row] = await sql<{ n: number }[]>`
    select coalesce(sum(next_offset), 0)::float8 as n from shard where stage = 'player'`
    .finally(() => sql.end());
  return row!.n;
}

/** Records a second, over `ms` from now on. */
export async function committedPerSecond(storeUrl: string, ms: number): Promise<number> {
  const before = await committedIn(storeUrl);
  const startedAt = performance.now();
  await sleep(ms);
  return (await committedIn(storeUrl) - before) / (performance.now() - startedAt) * 1000;
}
