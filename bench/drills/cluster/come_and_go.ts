/**
 * Drill 15: nodes join and leave a cluster under load, some of them by being killed. Whoever stays must
 * answer for every player all the time, and nothing may be lost or counted twice.
 *
 * @module
 */
import { setTimeout as sleep } from "node:timers/promises";
import { seedText } from "../../load/generator/population.ts";
import { Random } from "../../load/generator/random.ts";
import { type OwnContext, type OwnDrill, skip } from "../drill_types.ts";
import { Findings } from "../findings.ts";
import { requireLoaded, startLoad, verify } from "../platform/load.ts";
import type { PlatformProcess } from "../platform/platform_process.ts";
import type { Site } from "../platform/site.ts";
import { AskProbe } from "./ask_probe.ts";
import { ClusterSite, noCluster, type NodeSite } from "./cluster_site.ts";
import {
  committedIn,
  committedPerSecond,
  compareHashes,
  metricsOf,
  ownersOf,
  until,
} from "./looks.ts";

const cleanGapMsMax = 5_000;
const killGapMsMax = 15_000;
/** Of what was committed a second with nobody coming or going, at the same load. */
const throughputMin = 0.3;
const forgetfulPlayer = new URL("../fixtures/forgetful_player.ts", import.meta.url);
/** What the nodes tell of moves, over all their lives. */
class Moves {
  readonly #sums = new Map<string, number>();

  async add(site: Site): Promise<void> {
    for (const [name, value] of await metricsOf(site)) {
      this.#sums.set(name, (this.#sums.get(name) ?? 0) + value);
    }
  }

  sum(pattern: RegExp): number {
    return [...this.#sums].reduce((sum, [name, n]) => pattern.test(name) ? sum + n : sum, 0);
  }

  /** The least bound of the histogram that 99 % of the gaps lie within, milliseconds. */
  gapP99Ms(): number {
    const bounds = new Map<number, number>();
    for (const [name, n] of this.#sums) {
      const [, le] = /^shard_handoff_gap_seconds_bucket\{.*le="([^"]+)"/.exec(name) ?? [];
      if (le === undefined) continue;
      const bound = le === "+Inf" ? Infinity : Number(le);
      bounds.set(bound, (bounds.get(bound) ?? 0) + n);
    }
    const total = bounds.get(Infinity) ?? 0;
    const within = [...bounds].filter(([, n]) => n >= 0.99 * total).map(([le]) => le);
    return total === 0 ? NaN : 1000 * Math.min(...within);
  }
}

interface Run {
  readonly ctx: OwnContext;
  readonly findings: Findings;
  readonly stays: NodeSite;
  readonly moves: Moves;
  readonly random: Random;
  readonly storeUrl: string;
  readonly hashes: { equal: number; different: number };
}

/** After each move: what the last owner has left is what the rows come to. */
async function compare({ storeUrl, hashes }: Run): Promise<void> {
  const { equal, different } = await compareHashes(storeUrl);
  hashes.equal += equal;
  hashes.different += different;
}

/** A node joins, has shards for a while, and leaves in order or is killed. */
async function visit(run: Run, guest: NodeSite, isKilled: boolean): Promise<void> {
  const { findings, stays, moves, ctx, random } = run;
  const { site, nodeId } = guest;
  const process: PlatformProcess = site.start(
    ctx.mutation === "no-dedupe" ? { playerStage: forgetfulPlayer } : {},
  );
  await process.ready();
  const joinedMs = await until(`${nodeId} has shards`, 30_000, async () => {
    const { owners, served } = await ownersOf(stays.site);
    return owners.has(nodeId) && served === 18;
  });
  findings.atLeast("join_max_ms", joinedMs);
  await compare(run);
  await sleep(500 + random.below(1_500));
  await moves.add(site);
  const startedAt = performance.now();
  if (isKilled) await process.kill();
  else {
    const { code } = await process.drain(40_000);
    findings.require(code === 0, `${nodeId} drains: exit code ${code}`);
    findings.atLeast("drain_max_ms", performance.now() - startedAt);
  }
  await until(`all shards are served without ${nodeId}`, 40_000, async () => {
    const { owners, served } = await ownersOf(stays.site);
    return !owners.has(nodeId) && served === 18;
  });
  const goneMs = performance.now() - startedAt;
  await compare(run);
  findings.atLeast(isKilled ? "killed_gap_max_ms" : "left_max_ms", goneMs);
  if (isKilled) findings.require(goneMs <= killGapMsMax, `taken over ≤ 15 s: ${goneMs} ms`);
  ctx.print(`${nodeId} ${isKilled ? "killed" : "left"}: all served after ${Math.round(goneMs)} ms`);
}

async function run(ctx: OwnContext): Promise<Findings> {
  const findings = new Findings();
  const form = ctx.quick
    ? { visits: 3, kills: 1, events: 20_000, seconds: 45, calmMs: 4_000 }
    : { visits: 15, kills: 5, events: 360_000, seconds: 360, calmMs: 15_000 };
  const cluster = await ClusterSite.open(ctx.dir);
  const stays = cluster.node("stays");
  const guests = [cluster.node("guest-1"), cluster.node("guest-2")];
  let probe: AskProbe | undefined;
  try {
    const process = stays.site.start();
    const info = await process.ready();
    const load = startLoad(stays.site, { ...form, seed: ctx.seed, dir: ctx.dir });
    await until("players are there", 20_000, () => Promise.resolve(load.tally.accepted > 500));
    const users = Array.from({ length: 40 }, (_, i) => `u-${seedText(ctx.seed)}-${i}`);
    probe = new AskProbe(stays.site, users);
    const state: Run = {
      ctx,
      findings,
      stays,
      moves: new Moves(),
      random: new Random(ctx.seed, 0x0d15),
      storeUrl: info.store_url,
      hashes: { equal: 0, different: 0 },
    };
    const calm = await committedPerSecond(state.storeUrl, form.calmMs);
    const from = await committedIn(state.storeUrl);
    const movingAt = performance.now();
    for (let i = 0; i < form.visits; i++) {
      const isKilled = i % Math.floor(form.visits / form.kills) === 1;
      await visit(state, guests[i % guests.length]!, isKilled);
    }
    const moved = await committedIn(state.storeUrl) - from;
    const moving = moved / (performance.now() - movingAt) * 1000;
    findings.count("moving_ms", performance.now() - movingAt);
    findings.count("calm_per_s", calm);
    findings.count("moving_per_s", moving);
    findings.require(
      calm > 0 && moving >= throughputMin * calm,
      `committed while nodes move ≥ 30 % of before: ${moving} of ${calm} events/s`,
    );
    load.stop();
    const report = await load.done;
    await probe.stop();
    await state.moves.add(stays.site);
    tell(findings, probe, state);
    requireLoaded(findings, report, 1_000);
    await verify(ctx, stays.site, findings, { storeUrl: info.store_url, ...load.files });
    const { code } = await process.drain(40_000);
    findings.require(code === 0, `the last node drains: exit code ${code}`);
    return findings;
  } finally {
    await probe?.stop();
    await cluster.clear();
  }
}

function tell(findings: Findings, probe: AskProbe, { moves, hashes }: Run): void {
  const sorted = probe.tookMs.toSorted((a, b) => a - b);
  findings.count("asked", probe.answered);
  findings.count("asked_later", probe.later);
  findings.count("ask_p99_ms", sorted[Math.floor(sorted.length * 0.99)] ?? NaN);
  findings.count("ask_gap_max_ms", probe.gapMsMax);
  findings.require(probe.answered > 500, `players were asked for: ${probe.answered}`);
  findings.require(
    probe.wrong.length === 0,
    `nobody saw an error but 'later': ${probe.wrong.length}, ${probe.wrong[0]}`,
  );
  const released = moves.sum(/^shard_taken_total\{.*how="released"/);
  const gapMs = moves.gapP99Ms();
  findings.count("moves_released", released);
  findings.count("moves_forced", moves.sum(/^shard_taken_total\{.*how="forced"/));
  findings.count("handoff_gap_p99_ms", gapMs);
  findings.require(released > 0 && gapMs <= cleanGapMsMax, `p99 of gaps ≤ 5 s: ${gapMs} ms`);
  const told = moves.sum(/^shard_hash_verified_total\{.*result="different"/);
  const different = told + hashes.different;
  findings.count("hashes_equal", hashes.equal);
  findings.require(
    hashes.equal > 0 && different === 0,
    `each shard's hash as its last owner left it: ${different} are not`,
  );
}

export const comeAndGo: OwnDrill = {
  id: "15",
  name: "come-and-go",
  mutations: { "no-dedupe": /in SQL twice: \d+ of/ },
  async run(ctx) {
    const reason = await noCluster();
    return reason === undefined ? (await run(ctx)).result() : skip(reason);
  },
};
