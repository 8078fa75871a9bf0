/**
 * `deno task sim --seeds N --from K`: runs seeds K to K+N−1 of the real shards on a bad day and
 * reports every violation. The same seed gives the same trace hash; `--twice` checks that.
 *
 * @module
 */
import { helpText, Options, type OptionSpec } from "../cli/options.ts";
import { print } from "../cli/print.ts";
import { runProgram } from "../cli/run_program.ts";
import { fingerprintHex } from "../../schema/hash.ts";
import { violations } from "./check.ts";
import { mutations } from "./mutations.ts";
import { type Mutations, noCounts, type RunCounts, runSeed } from "./world.ts";

export interface SimReport {
  seeds: number;
  violations: number;
  /** Of all runs together: they show that the faults were real. */
  counts: RunCounts;
  /** Events that were acknowledged. */
  events: number;
  seconds: number;
  /** Of all runs, in order. */
  traceHash: string;
  /** One line each: how to run it again, and what was wrong. */
  failures: string[];
}

export interface SimOptions {
  readonly seeds: number;
  /** The first seed. @default 1 */
  readonly from?: number;
  /** A promise to break, by its name in {@link mutations}. @default none */
  readonly mutate?: string;
  /** Stops after the first seed with a violation. @default false */
  readonly untilFound?: boolean;
  readonly onSeed?: (seed: number, found: readonly string[]) => void;
  readonly onTrace?: (entry: string) => void;
}

/** @throws {RangeError} there is none of this name */
function mutationOf(name: string | undefined): Mutations {
  if (name === undefined) return {};
  const found = Object.hasOwn(mutations, name) ? mutations[name] : undefined;
  if (found !== undefined) return found;
  const names = Object.keys(mutations).join(", ");
  throw new RangeError(`Cannot simulate with '${name}' switched off: only ${names} can be`);
}

/**
 * Runs seeds `from` to `from + seeds − 1`.
 *
 * @throws {RangeError} the mutation is unknown
 */
export async function simulate(options: SimOptions): Promise<SimReport> {
  const { seeds, from = 1, mutate, untilFound = false, onSeed, onTrace } = options;
  const mutation = mutationOf(mutate);
  const startedAt = performance.now();
  const report: SimReport = {
    seeds: 0,
    violations: 0,
    counts: noCounts(),
    events: 0,
    seconds: 0,
    traceHash: "",
    failures: [],
  };
  for (let seed = from; seed < from + seeds; seed++) {
    const world = await runSeed(seed, mutation, onTrace);
    const found = await violations(world);
    for (const name of Object.keys(report.counts) as (keyof RunCounts)[]) {
      report.counts[name] += world.counts[name];
    }
    report.seeds++;
    report.events += world.acked.size;
    report.traceHash = fingerprintHex(report.traceHash + world.traceHash);
    onSeed?.(seed, found);
    if (found.length === 0) continue;
    report.violations += found.length;
    const again = `deno task sim --seed ${seed}${
      mutate === undefined ? "" : ` --mutate ${mutate}`
    }`;
    report.failures.push(`${again}  # ${found[0]}`);
    if (untilFound) break;
  }
  report.seconds = (performance.now() - startedAt) / 1000;
  return report;
}

const specs = {
  seeds: { type: "number", help: "how many seeds (default 50)" },
  from: { type: "number", help: "the first of them (default 1)" },
  seed: { type: "number", help: "this seed alone, every violation told" },
  trace: { type: "flag", help: "every call and failure, with its virtual time" },
  twice: { type: "flag", help: "each seed twice: the traces must be equal" },
  mutate: { type: "text", help: `switch off a promise: ${Object.keys(mutations).join(", ")}` },
  json: { type: "flag", help: "one line of JSON, and nothing else" },
  help: { type: "flag", help: "this text" },
} as const satisfies Record<string, OptionSpec>;

function summary(report: SimReport): string {
  const counts = Object.entries(report.counts).map(([name, count]) => `${name} ${count}`);
  return `${report.seeds} seeds in ${report.seconds.toFixed(1)} s: ${report.violations} ` +
    `violations, ${report.events} events; ${counts.join(", ")}; trace ${report.traceHash}`;
}

async function main(args: readonly string[]): Promise<number> {
  const options = new Options(args, specs);
  if (options.flag("help")) {
    print(helpText("deno task sim [options]: real shards in virtual time, under faults", specs));
    return 0;
  }
  const one = options.number("seed");
  const mutate = options.text("mutate");
  const isJson = options.flag("json");
  const input: SimOptions = {
    seeds: one === undefined ? options.number("seeds") ?? 50 : 1,
    from: one ?? options.number("from") ?? 1,
    ...(mutate === undefined ? {} : { mutate, untilFound: one === undefined }),
    ...(options.flag("trace") && !isJson ? { onTrace: print } : {}),
    ...(one === undefined || isJson ? {} : { onSeed: (_, found) => found.forEach(print) }),
  };
  const report = await simulate(input);
  const again = options.flag("twice") ? await simulate(input) : undefined;
  const isSame = again === undefined || again.traceHash === report.traceHash;
  if (isJson) print(JSON.stringify({ ...report, same_trace: isSame }));
  else {
    for (const failure of report.failures) print(failure);
    print(summary(report));
    if (again !== undefined) print(isSame ? "the same trace twice" : `then ${again.traceHash}`);
  }
  // With a promise broken, it is finding nothing that is wrong.
  const isRight = (report.violations === 0) === (mutate === undefined);
  return isRight && isSame ? 0 : 1;
}

if (import.meta.main) await runProgram(() => main(Deno.args));
