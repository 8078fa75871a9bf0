/**
 * Drill 1: the real shards in virtual time, on a log and a store in memory, under seeded faults: lost,
 * doubled and overtaken requests, failing calls, crashes in calls and between them, pauses, zombies.
 * Then fair weather: everything acknowledged must have counted once, in order.
 *
 * @module
 */
import { mutations } from "../../sim/mutations.ts";
import { type SimReport, simulate } from "../../sim/sim.ts";
import type { OwnContext, OwnDrill } from "../drill_types.ts";
import { Findings } from "../findings.ts";

const seeds = 1_000;
const secondsMax = 60;
/** Seeds within which a broken promise must be seen. */
const brokenSeedsMax = 200;
/** Seeds that run a second time, whose traces must be the same. */
const twice = { quick: 100, full: seeds };
/** Least counts over all seeds: the faults were real. */
const least: Partial<SimReport["counts"]> = {
  crashes: 500,
  crashesInCall: 250,
  zombies: 500,
  pauses: 250,
  fenced: 500,
  retakes: 250,
  failedBefore: 10_000,
  failedAfter: 1_000,
  lost: 1_000,
  duplicated: 1_000,
  reordered: 1_000,
  merged: 1_000,
  restored: 250,
};

async function broken(ctx: OwnContext, findings: Findings, from: number): Promise<void> {
  const report = await simulate({
    seeds: brokenSeedsMax,
    from,
    mutate: ctx.mutation!,
    untilFound: true,
  });
  findings.count("seeds", report.seeds);
  findings.require(
    report.violations === 0,
    `violation in ${report.seeds} seeds: ${report.failures}`,
  );
}

async function run(ctx: OwnContext) {
  const findings = new Findings();
  // Consecutive, so that a run is told by one number.
  const from = 1 + ctx.seed % 1_000_000 * seeds;
  if (ctx.mutation !== undefined) {
    await broken(ctx, findings, from);
    return findings.result();
  }
  const report = await simulate({ seeds, from });
  findings.count("seeds", report.seeds);
  findings.count("events", report.events);
  findings.count("simulating_ms", report.seconds * 1000);
  for (const [name, count] of Object.entries(report.counts)) findings.count(name, count);
  for (const [name, count] of Object.entries(least)) {
    const seen = report.counts[name as keyof SimReport["counts"]];
    findings.require(seen >= count, `at least ${count} ${name}: ${seen}`);
  }
  for (const failure of report.failures) findings.require(false, failure);
  const seconds = Math.round(report.seconds);
  findings.require(seconds <= secondsMax, `${seeds} seeds in ${secondsMax} s: ${seconds}`);
  const again = { seeds: ctx.quick ? twice.quick : twice.full, from };
  const [one, two] = [await simulate(again), await simulate(again)];
  findings.count("seeds_twice", one.seeds);
  findings.require(
    one.traceHash === two.traceHash,
    `the same seeds give the same trace: ${one.traceHash} and ${two.traceHash}`,
  );
  return findings.result();
}

const found = /violation in \d+ seeds: deno task sim --seed /;

export const simulator: OwnDrill = {
  id: "1",
  name: "simulator",
  mutations: Object.fromEntries(Object.keys(mutations).map((name) => [name, found])),
  run,
};
