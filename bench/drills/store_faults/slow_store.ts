/**
 * Drill 31: every statement takes the store 200 ms longer, and events come faster than they can be
 * committed so. What is applied ahead of the store is bounded: the shard fetches no more, the backlog
 * stays in the log, and memory stays flat.
 *
 * @module
 */
import { setTimeout as sleep } from "node:timers/promises";
import { join } from "node:path";
import postgres from "postgres";
import { limits } from "../../../schema/limits.ts";
import { startEmbeddedPostgres } from "../../../supervisor/store/embedded_postgres.ts";
import type { OwnContext, OwnDrill } from "../drill_types.ts";
import { Findings } from "../findings.ts";
import { MemoryWatch } from "../hostile/memory_watch.ts";
import { Admin } from "../platform/admin.ts";
import { requireLoaded, startLoad, verify } from "../platform/load.ts";
import { Site } from "../platform/site.ts";
import { startSlowProxy } from "../platform/slow_proxy.ts";

const slowMs = 200;
const form = {
  quick: { warmUpMs: 8_000, slowMs: 16_000, eventsPerSecond: 18_000 },
  full: { warmUpMs: 20_000, slowMs: 60_000, eventsPerSecond: 18_000 },
};
const rssGrowthBytesMax = 64 * 1024 * 1024;
/** No event of the load takes fewer bytes in the log. */
const eventBytesMin = 200;
/** Two batches, one being committed and one filled, each with a fetch that came on top. */
const mailboxMax = 2 * (limits.commitRowsMax + Math.ceil(limits.fetchBytesMax / eventBytesMin));

/** How long a statement takes at `url`, milliseconds. */
async function statementMs(url: string): Promise<number> {
  const sql = postgres(url, { max: 1, fetch_types: false });
  try {
    await sql`select 1`;
    const startedAt = performance.now();
    await sql`select 1`;
    return performance.now() - startedAt;
  } finally {
    await sql.end({ timeout: 1 });
  }
}

/** Looks at the player shard for `ms`. @returns its fullest mailbox and its longest backlog */
async function watchShard(admin: Admin, ms: number) {
  const seen = { mailbox: 0, lag: 0 };
  for (const end = performance.now() + ms; performance.now() < end; await sleep(50)) {
    for (const { stage, mailbox, lag } of await admin.shards()) {
      if (stage !== "player") continue;
      seen.mailbox = Math.max(seen.mailbox, mailbox);
      seen.lag = Math.max(seen.lag, lag);
    }
  }
  return seen;
}

async function run(ctx: OwnContext) {
  const findings = new Findings();
  const { warmUpMs, slowMs: duration, eventsPerSecond } = form[ctx.quick ? "quick" : "full"];
  const dataDir = join(ctx.dir, "store");
  await Deno.mkdir(dataDir);
  const server = await startEmbeddedPostgres({ dataDir });
  const url = new URL(server.url);
  const proxy = startSlowProxy(url.hostname, Number(url.port));
  url.port = String(proxy.port);
  // One partition, so that one shard has more to do than a slow store lets it.
  const site = new Site(join(ctx.dir, "site"), {
    env: { STORE_URL: url.href, PARTITIONS: "1", WORKERS: "1" },
  });
  let memory: MemoryWatch | undefined;
  try {
    const platform = site.start();
    await platform.ready();
    const admin = new Admin(site);
    const seconds = (warmUpMs + duration) / 1000;
    const events = seconds * eventsPerSecond;
    const load = startLoad(site, { seed: ctx.seed, events, seconds, dir: ctx.dir, batch: 100 });
    await sleep(warmUpMs);
    if (ctx.mutation !== "no-delay") proxy.delayMs = slowMs;
    const ms = await statementMs(url.href);
    findings.count("statement_ms", ms);
    findings.require(ms >= slowMs, `a statement takes ${slowMs} ms: ${ms.toFixed(1)}`);
    memory = new MemoryWatch(platform.pid, 100);
    const first = await watchShard(admin, duration / 2);
    const rssBefore = memory.takePeak();
    const second = await watchShard(admin, duration / 2);
    const growth = memory.takePeak() - rssBefore;
    findings.count("statements_delayed", proxy.delayed);
    const mailbox = Math.max(first.mailbox, second.mailbox);
    findings.count("mailbox_max", mailbox);
    findings.count("lag_max", second.lag);
    findings.count("rss_growth_bytes", growth);
    findings.require(mailbox <= mailboxMax, `mailbox ≤ ${mailboxMax}: ${mailbox}`);
    const held = `the backlog stays in the log: ${second.lag} records behind, ${mailbox} taken in`;
    findings.require(second.lag >= 2 * mailbox, held);
    findings.require(
      growth <= rssGrowthBytesMax,
      `memory grows by ≤ ${rssGrowthBytesMax} B while the backlog grows: ${growth}`,
    );
    requireLoaded(findings, await load.done, events * 0.9);
    proxy.delayMs = 0;
    if (!findings.result().pass) return findings.result();
    await verify(ctx, site, findings, { storeUrl: server.url, ...load.files });
    return findings.result();
  } finally {
    memory?.stop();
    await site.clear();
    await proxy.close();
    await server.stop();
  }
}

export const slowStore: OwnDrill = {
  id: "31",
  name: "slow-store",
  mutations: { "no-delay": /the backlog stays in the log: / },
  run,
};
