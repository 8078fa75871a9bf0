/**
 * `deno task sim --seeds N --from K`: runs seeds K to K+N−1 and reports every violation. The same
 * seed gives the same trace hash.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { fingerprintHex } from "../../schema/hash.ts";
import { print } from "../cli/print.ts";
import { violations } from "./check.ts";
import { type Mutations, runSeed } from "./world.ts";

export interface SimReport {
  seeds: number;
  violations: number;
  crashes: number;
  zombies: number;
  retakes: number;
  injectedFaults: number;
  events: number;
  seconds: number;
  /** Of all runs, in order. */
  traceHash: string;
  /** One line each: how to run it again, and what was wrong. */
  failures: string[];
}

/** Runs seeds `from` to `from + seeds − 1`. */
export async function simulate(
  seeds: number,
  from = 1,
  mutations: Mutations = {},
  onSeed: (seed: number) => void = () => {},
): Promise<SimReport> {
  const startedAt = performance.now();
  const report: SimReport = {
    seeds,
    violations: 0,
    crashes: 0,
    zombies: 0,
    retakes: 0,
    injectedFaults: 0,
    events: 0,
    seconds: 0,
    traceHash: "",
    failures: [],
  };
  for (let seed = from; seed < from + seeds; seed++) {
    const world = await runSeed(seed, mutations);
    const found = await violations(world);
    const { crashes, zombies, retakes, failedBefore, failedAfter } = world.counts;
    report.crashes += crashes;
    report.zombies += zombies;
    report.retakes += retakes;
    report.injectedFaults += failedBefore + failedAfter;
    report.events += world.acked.size;
    report.traceHash = fingerprintHex(report.traceHash + world.traceHash);
    if (found.length > 0) {
      report.violations += found.length;
      report.failures.push(`deno task sim --seeds 1 --from ${seed}  # ${found[0]}`);
    }
    onSeed(seed);
  }
  report.seconds = (performance.now() - startedAt) / 1000;
  return report;
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      seeds: { type: "string", default: "50" },
      from: { type: "string", default: "1" },
      json: { type: "boolean", default: false },
    },
  });
  const report = await simulate(Number(values.seeds), Number(values.from));
  if (values.json) print(JSON.stringify(report));
  else {
    for (const failure of report.failures) print(failure);
    print(
      `${report.seeds} seeds in ${report.seconds.toFixed(1)} s: ${report.violations} violations, ` +
        `${report.events} events, ${report.crashes} crashes, ${report.zombies} zombies, ` +
        `${report.retakes} retakes, ${report.injectedFaults} injected faults, ` +
        `trace ${report.traceHash}`,
    );
  }
  Deno.exit(report.violations === 0 ? 0 : 1);
}
