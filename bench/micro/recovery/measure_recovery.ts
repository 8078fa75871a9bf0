/**
 * Makes a crowd of players on a real platform, kills everything with SIGKILL, PostgreSQL included,
 * starts it again, and measures how soon the players answer: the first, a thousand cold ones, all.
 *
 * @module
 */
import postgres from "postgres";
import { partitionOf } from "../../../schema/partition.ts";
import { topicTable } from "../../../schema/topics.ts";
import { Admin } from "../../drills/platform/admin.ts";
import { Site } from "../../drills/platform/site.ts";
import { Random } from "../../load/generator/random.ts";
import { Asker, playersPerAsk } from "./asker.ts";
import { Crowd, sendCrowd } from "./crowd.ts";
import { cpuSecondsOf } from "./family_cpu.ts";
import { askCold, askFirst, type Cold, type First } from "./lazily.ts";

/** How long the store may take to hold what was accepted. */
const catchUpMsMax = 600_000;
/** Of the eager pass: two a partition, so that questions to one shard share queries. */
const askersPerPartition = 2;

export interface RecoveryPlan {
  readonly players: number;
  readonly seed: number;
  /** An empty folder for the data; the caller removes it. */
  readonly dir: string;
  /** Told how it goes on. */
  readonly tell: (line: string) => void;
}

/** All players asked for, one after the other, as fast as the platform makes them live. */
export interface Eager {
  readonly ms: number;
  readonly players_per_second: number;
  /** Processor time of the platform, PostgreSQL included, seconds; the askers are not in it. */
  readonly cpu_seconds: number;
  readonly players_per_cpu_second: number;
  /** Live when the last was answered: the others were passivated again, as the budget has it. */
  readonly live_at_end: number;
}

export interface Recovery {
  readonly players: number;
  readonly events: number;
  readonly seed: number;
  /** From the first request until the store held all events. */
  readonly made_ms: number;
  /** WAL that PostgreSQL had to go through again after the kill. */
  readonly redo_bytes: number;
  readonly first: First;
  readonly cold: Cold;
  readonly eager: Eager;
  /** What was not exact; empty as long as recovery keeps its promise. */
  readonly faults: readonly string[];
}

/** @throws {Error} the platform ended, or did not come up again */
export async function measureRecovery(plan: RecoveryPlan): Promise<Recovery> {
  const { players, seed, tell } = plan;
  const site = new Site(`${plan.dir}/site`);
  const crowd = new Crowd(players, seed);
  const faults: string[] = [];
  try {
    const made = await make(site, crowd, tell);
    const killedAt = performance.now();
    const killed = await site.killAll();
    tell(`killed ${killed} processes with the store holding ${made.accepted} events`);
    const platform = site.start();
    const ready = platform.ready().then((info) => ({ info, at: performance.now() }));
    // Whoever awaits it is told.
    ready.catch(() => {});
    const random = new Random(seed, 0x0c01);
    const asker = new Asker(crowd, site.target);
    const first = await askFirst(platform, asker, random, { killedAt, ready });
    tell(`first answer ${Math.round(first.from_exec_ms)} ms after the start`);
    const cold = await askCold(asker, random);
    const { info } = await ready;
    tell(`cold players: p50 ${cold.p50} ms, p99 ${cold.p99} ms`);
    const eager = await askAll(site, crowd, faults, tell);
    note(faults, asker.wrong);
    asker.close();
    const counted = await inStore(info.store_url);
    if (counted !== made.accepted) {
      faults.push(`SQL holds ${counted} events where ${made.accepted} were accepted`);
    }
    const { accepted: events, ms: made_ms, redo_bytes } = made;
    return { players, events, seed, made_ms, redo_bytes, first, cold, eager, faults };
  } finally {
    await site.clear();
  }
}

const faultsMax = 10;

function note(faults: string[], more: readonly string[]): void {
  faults.push(...more.slice(0, Math.max(0, faultsMax - faults.length)));
}

async function inStore(url: string): Promise<number> {
  const sql = postgres(url, { max: 1 });
  try {
    const [row] = await sql<{ n: number }[]>`
      select count(*)::int as n from player_events where not internal`;
    return row!.n;
  } finally {
    await sql.end();
  }
}

/** WAL since the checkpoint that a crash recovery would begin at. */
async function redoBytes(url: string): Promise<number> {
  const sql = postgres(url, { max: 1 });
  try {
    const [row] = await sql<{ n: number }[]>`
      select (pg_current_wal_lsn() - redo_lsn)::float8 as n from pg_control_checkpoint()`;
    return row!.n;
  } finally {
    await sql.end();
  }
}

/** Starts the platform and has it take in the crowd, down to the store. */
async function make(site: Site, crowd: Crowd, tell: RecoveryPlan["tell"]) {
  const platform = site.start();
  const info = await platform.ready();
  const startedAt = performance.now();
  let toldAt = startedAt;
  const accepted = await sendCrowd(crowd, site.target, (sent) => {
    if (performance.now() - toldAt < 5_000) return;
    toldAt = performance.now();
    tell(`${sent} of ${crowd.total} events accepted`);
  });
  await platform.until("the store holds the crowd", catchUpMsMax, async () => {
    const held = await inStore(info.store_url);
    return held >= accepted ? true : undefined;
  }, 250);
  const ms = performance.now() - startedAt;
  tell(`${crowd.players} players made in ${(ms / 1000).toFixed(1)} s`);
  return { accepted, ms, redo_bytes: await redoBytes(info.store_url) };
}

/** Asks for every player, by partition, with many requests under way. */
async function askAll(
  site: Site,
  crowd: Crowd,
  faults: string[],
  tell: RecoveryPlan["tell"],
): Promise<Eager> {
  const { partitions } = topicTable()["player.events.raw"];
  const byPartition = Array.from({ length: partitions }, (): number[] => []);
  for (let i = 0; i < crowd.players; i++) {
    byPartition[partitionOf(`demo/${crowd.userId(i)}`, partitions)]!.push(i);
  }
  const roots = await site.roots();
  const cpuBefore = cpuSecondsOf(roots);
  const startedAt = performance.now();
  let [done, toldAt] = [0, startedAt];
  const askers: Asker[] = [];
  const askPartition = async (asker: Asker, batches: Iterator<number[]>) => {
    for (let next = batches.next(); !next.done; next = batches.next()) {
      await asker.ask(next.value);
      done += next.value.length;
      if (performance.now() - toldAt < 5_000) continue;
      toldAt = performance.now();
      tell(`${done} of ${crowd.players} players asked for`);
    }
  };
  try {
    await Promise.all(byPartition.flatMap((players) => {
      const batches = batchesOf(players);
      return Array.from({ length: askersPerPartition }, () => {
        const asker = new Asker(crowd, site.target);
        askers.push(asker);
        return askPartition(asker, batches);
      });
    }));
  } finally {
    for (const asker of askers) asker.close();
  }
  const ms = performance.now() - startedAt;
  const cpu_seconds = cpuSecondsOf(roots) - cpuBefore;
  note(faults, askers.flatMap(({ wrong }) => wrong));
  const seen = askers.reduce((sum, { eventsSeen }) => sum + eventsSeen, 0);
  if (seen !== crowd.total) faults.push(`players have ${seen} events of ${crowd.total} in all`);
  const shards = await new Admin(site).shards();
  const live_at_end = shards.filter(({ stage }) => stage === "player")
    .reduce((sum, { actors }) => sum + actors, 0);
  return {
    ms,
    players_per_second: Math.round(crowd.players / (ms / 1000)),
    cpu_seconds,
    players_per_cpu_second: Math.round(crowd.players / cpu_seconds),
    live_at_end,
  };
}

function* batchesOf(players: readonly number[]): Generator<number[], void> {
  for (let i = 0; i < players.length; i += playersPerAsk) yield players.slice(i, i + playersPerAsk);
}
