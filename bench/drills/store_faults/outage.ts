/**
 * What drills 7 and 8 have in common: the store goes away under load for a while and comes back.
 * Accepting must not notice; shards wait, and go on as soon as they can.
 *
 * @module
 */
import { setTimeout as sleep } from "node:timers/promises";
import { join } from "node:path";
import postgres from "postgres";
import { seedText } from "../../load/generator/population.ts";
import type { OwnContext } from "../drill_types.ts";
import { Findings } from "../findings.ts";
import { MemoryWatch } from "../hostile/memory_watch.ts";
import { Admin } from "../platform/admin.ts";
import { IngestProbe, type Phase } from "../platform/ingest_probe.ts";
import { requireLoaded, startLoad, verify } from "../platform/load.ts";
import { Site } from "../platform/site.ts";
import type { StorePlace } from "./store_place.ts";

/** How the store is taken away, and brought back. */
export interface Outage {
  readonly awayMs: { readonly quick: number; readonly full: number };
  away(server: StorePlace): Promise<void>;
  back(server: StorePlace): Promise<void>;
  /** How soon a shard must have given up waiting for an answer, milliseconds. */
  readonly noticedMsMax: number;
  /** The mutation in which it does not come back. */
  readonly neverBack: string;
}

/** A young platform's memory grows for a while under any load, whatever its store does. */
const warmUpMs = { quick: 13_000, full: 40_000 };
const baselineMs = { quick: 6_000, full: 20_000 };
/** The load goes on for so long after the return. */
const afterMs = 3_000;
const eventsPerSecond = { quick: 1_500, full: 2_000 };
const rssGrowthBytesMax = 64 * 1024 * 1024;
const firstCommitMsMax = 5_000;
const lagMsMax = 60_000;
/** A baseline below counts as this: half of the 50 ms that accepting may take at all. */
const p99MsFloor = 25;

/** Whether the server at `url` answers a query within a second. */
async function answers(url: string): Promise<boolean> {
  const sql = postgres(url, { max: 1, connect_timeout: 1, fetch_types: false });
  try {
    const asked = sql`select 1`.then(() => true, () => false);
    return await Promise.race([asked, sleep(1_000).then(() => false)]);
  } finally {
    void sql.end({ timeout: 0 }).catch(() => {});
  }
}

/** What the shards were seen to do while the store was away. */
interface Waiting {
  /** From the outage to the first shard that said that it waits. */
  firstMs: number;
  mailboxMax: number;
  /** Shards that waited at the last look, of those that have something to commit. */
  waiting: number;
  behind: number;
}

async function watchShards(admin: Admin, awayMs: number): Promise<Waiting> {
  const startedAt = performance.now();
  const seen: Waiting = { firstMs: Infinity, mailboxMax: 0, waiting: 0, behind: 0 };
  while (performance.now() - startedAt < awayMs) {
    const rows = await admin.shards();
    const isWaiting = ({ state }: { state: string }) => state === "waiting" || state === "starting";
    const waiting = rows.filter(isWaiting);
    if (waiting.length > 0) seen.firstMs = Math.min(seen.firstMs, performance.now() - startedAt);
    seen.mailboxMax = Math.max(seen.mailboxMax, ...rows.map((row) => row.mailbox));
    const behind = rows.filter((row) => row.stage === "player" && row.lag > 0);
    seen.behind = behind.length;
    seen.waiting = behind.filter(isWaiting).length;
    await sleep(100);
  }
  return seen;
}

function requireAccepting(findings: Findings, baseline: Phase, away: Phase): void {
  const [before, during] = [baseline.latency.quantile(0.99), away.latency.quantile(0.99)];
  findings.count("baseline_p99_ms", before);
  findings.count("away_p99_ms", during);
  findings.count("probes_away", away.accepted);
  findings.require(away.refused === 0, `every event answered 202: ${away.refused} are not`);
  findings.require(away.accepted >= 100, `at least 100 probes accepted: ${away.accepted}`);
  const max = 2 * Math.max(before, p99MsFloor);
  findings.require(during <= max, `p99 ≤ ${max} ms while the store is away: ${during}`);
}

const committed = async (sql: postgres.Sql): Promise<number> => {
  const [row] = await sql<{ n: number }[]>`
    select coalesce(sum(next_offset), 0)::float8 as n from shard where stage = 'player'`;
  return row!.n;
};

/** Waits until `done` holds. @returns how long it took since `since`; `Infinity`: not in time */
async function timed(since: number, limitMs: number, done: () => Promise<boolean>) {
  while (performance.now() - since <= limitMs) {
    if (await done().catch(() => false)) return performance.now() - since;
    await sleep(10);
  }
  return Infinity;
}

/** Journal rows that vanish, as if a shard had forgotten what it had applied when the store went. */
const loseRows = (sql: postgres.Sql) =>
  sql`delete from player_events where (partition, "offset") in (
    select partition, "offset" from player_events where game_id <> 'drill-probe' limit 5)`;

/** @returns how many shards wait, in words */
function requireWaiting(
  findings: Findings,
  outage: Outage,
  seen: Waiting,
  growth: number,
): string {
  findings.count("rss_growth_bytes", growth);
  findings.require(
    growth <= rssGrowthBytesMax,
    `memory grows by ≤ ${rssGrowthBytesMax} B: ${growth}`,
  );
  findings.count("noticed_ms", seen.firstMs);
  findings.require(
    seen.firstMs <= outage.noticedMsMax,
    `a shard waits within ${outage.noticedMsMax} ms: ${Math.round(seen.firstMs)}`,
  );
  findings.count("mailbox_max", seen.mailboxMax);
  const paused = `${seen.waiting} of ${seen.behind} shards that are behind wait for the store`;
  findings.require(seen.behind > 0 && seen.waiting === seen.behind, paused);
  return paused;
}

/** @returns how long after the return the first commit came, milliseconds */
async function requireCommit(
  findings: Findings,
  client: postgres.Sql,
  backAt: number,
): Promise<number> {
  let before: number | undefined;
  const firstMs = await timed(backAt, 2 * firstCommitMsMax, async () => {
    const now = await Promise.race([committed(client), sleep(1_000).then(() => undefined)]);
    before ??= now;
    return now !== undefined && before !== undefined && now > before;
  });
  findings.count("first_commit_ms", firstMs);
  const first = `first commit within ${firstCommitMsMax} ms of the return: ${Math.round(firstMs)}`;
  findings.require(firstMs <= firstCommitMsMax, first);
  return firstMs;
}

async function requireCaughtUp(findings: Findings, admin: Admin, backAt: number): Promise<void> {
  const lagMs = await timed(backAt, lagMsMax, async () => {
    return (await admin.shards()).every(({ lag, mailbox }) => lag === 0 && mailbox === 0);
  });
  findings.count("lag_zero_ms", lagMs);
  findings.require(lagMs <= lagMsMax, `lag 0 within ${lagMsMax} ms: ${Math.round(lagMs)}`);
}

async function requireNoLetters(findings: Findings, admin: Admin): Promise<void> {
  const letters = (await admin.deadLetters()).length;
  findings.require(letters === 0, `nothing dead-lettered: ${letters}`);
}

async function requireProbes(findings: Findings, probe: IngestProbe, client: postgres.Sql) {
  const wrong = await probe.wrong(client);
  findings.require(wrong === 0, `each of ${probe.acked} probes counted once: ${wrong} are not`);
}

/** Warms up, then takes the figures that the outage is held against. */
async function calmBefore(probe: IngestProbe, memory: MemoryWatch, form: "quick" | "full") {
  await sleep(warmUpMs[form]);
  memory.takePeak();
  const baseline = probe.phase();
  await sleep(baselineMs[form]);
  return { baseline, rssBefore: memory.takePeak() };
}

export async function runOutage(
  ctx: OwnContext,
  outage: Outage,
  open: (dir: string) => Promise<StorePlace>,
) {
  const findings = new Findings();
  const form = ctx.quick ? "quick" : "full";
  const awayMs = outage.awayMs[form];
  const server = await open(ctx.dir);
  const site = new Site(join(ctx.dir, "site"), { env: server.env });
  let probe: IngestProbe | undefined;
  let memory: MemoryWatch | undefined;
  let sql: postgres.Sql | undefined;
  let isAway = false;
  const comeBack = async () => {
    if (isAway) await outage.back(server);
    isAway = false;
  };
  try {
    const platform = site.start();
    await platform.ready();
    const admin = new Admin(site);
    const seconds = (warmUpMs[form] + baselineMs[form] + awayMs + afterMs) / 1000;
    const events = seconds * eventsPerSecond[form];
    const load = startLoad(site, { seed: ctx.seed, events, seconds, dir: ctx.dir, malformed: 0 });
    probe = new IngestProbe(site, `probe-${seedText(ctx.seed)}`);
    memory = new MemoryWatch(platform.pid, 100);
    const { baseline, rssBefore } = await calmBefore(probe, memory, form);
    isAway = true;
    await outage.away(server);
    const awayAt = performance.now();
    const away = probe.phase();
    const watching = watchShards(admin, awayMs);
    findings.require(!await answers(server.url), "the store does not answer while it is away");
    const seen = await watching;
    findings.count("away_ms", performance.now() - awayAt);
    const paused = requireWaiting(findings, outage, seen, memory.takePeak() - rssBefore);
    ctx.print(`away for ${awayMs} ms: ${paused}`);
    probe.phase();
    requireAccepting(findings, baseline, away);

    if (ctx.mutation !== outage.neverBack) await comeBack();
    const backAt = performance.now();
    const client = sql = postgres(server.url, { max: 1, connect_timeout: 2, onnotice: () => {} });
    const firstMs = await requireCommit(findings, client, backAt);
    if (!Number.isFinite(firstMs)) return findings.result();
    requireLoaded(findings, await load.done, events * 0.99);
    findings.require(load.tally.retries === 0, `accepted at once: ${load.tally.retries} retries`);
    await probe.end();
    await requireCaughtUp(findings, admin, backAt);
    if (ctx.mutation === "lost-rows") await loseRows(client);
    await requireNoLetters(findings, admin);
    await verify(ctx, site, findings, { storeUrl: server.url, ...load.files });
    await requireProbes(findings, probe, client);
    return findings.result();
  } finally {
    memory?.stop();
    await probe?.end();
    await site.clear();
    await comeBack();
    await sql?.end({ timeout: 0 });
    await server.clear();
  }
}
