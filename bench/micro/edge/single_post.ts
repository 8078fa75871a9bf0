/**
 * `deno task bench:edge`: one event a POST, with key, limits and validation on: bare `Deno.serve`, the
 * gateway without its guard, with it, and behind haproxy over TLS 1.3, in turns in one run.
 * Exit code 1 when a figure misses what is promised, or an event was refused.
 *
 * @module
 */
import { helpText, Options, type OptionSpec } from "../../cli/options.ts";
import { print } from "../../cli/print.ts";
import { runProgram } from "../../cli/run_program.ts";
import { clearAllSites } from "../../drills/platform/site.ts";
import { cpuSecondsOf } from "../recovery/family_cpu.ts";
import { type Contestant, type Shape, shapes, startContestant } from "./contestants.ts";
import { byOwn, byWrk, type Figures, hasWrk } from "./generator.ts";
import { lineOf, type Measured, medianOf, shortfalls } from "./verdict.ts";

const specs = {
  seconds: { type: "number", default: 10, help: "of each measurement" },
  rounds: {
    type: "number",
    default: 3,
    help: "each shape is measured so often; the median counts",
  },
  warm: { type: "number", default: 4, help: "seconds before each measurement" },
  connections: { type: "number", default: 80, help: "kept alive" },
  own: { type: "flag", help: "our own generator, also where wrk is installed" },
  json: { type: "flag", help: "print JSON" },
  help: { type: "flag", help: "print this" },
} as const satisfies Record<string, OptionSpec>;

interface Run {
  readonly seconds: number;
  readonly rounds: number;
  readonly warm: number;
  readonly connections: number;
  readonly folder: string;
  readonly wrk: boolean;
}

async function load(run: Run, contestant: Contestant, seconds: number): Promise<Figures> {
  const { connections, folder } = run;
  const { key, ca } = contestant;
  const url = `${contestant.url}/api/v1/events`;
  return await (run.wrk ? byWrk : byOwn)({ url, key, ca, connections, folder, seconds });
}

async function measure(run: Run, contestant: Contestant): Promise<Measured> {
  await load(run, contestant, run.warm);
  const pids = await contestant.pids();
  const before = cpuSecondsOf(pids);
  const figures = await load(run, contestant, run.seconds);
  const cpuSeconds = cpuSecondsOf(pids) - before;
  const requests = figures.requestsPerSecond * run.seconds;
  return { ...figures, cpuMicrosPerRequest: requests === 0 ? 0 : cpuSeconds / requests * 1e6 };
}

/**
 * All shapes in turns, so that what else the machine does meets each of them; one at a time, as what
 * a platform has accepted in its turn it would count in the next one's.
 */
async function race(run: Run): Promise<Record<Shape, Measured>> {
  const rounds: Partial<Record<Shape, Measured[]>> = {};
  for (let round = 0; round < run.rounds; round++) {
    for (const shape of shapes) {
      const contestant = await startContestant(shape, `${run.folder}/${round}`);
      try {
        (rounds[shape] ??= []).push(await measure(run, contestant));
      } finally {
        await contestant.end();
      }
    }
  }
  return Object.fromEntries(
    shapes.map((shape) => [shape, medianOf(rounds[shape]!)]),
  ) as Record<Shape, Measured>;
}

async function main(args: readonly string[]): Promise<number> {
  const options = new Options(args, specs);
  if (options.flag("help")) {
    print(helpText("deno task bench:edge [options]: one event a POST", specs));
    return 0;
  }
  const folder = await Deno.makeTempDir({ prefix: "gamemetrics-edge-" });
  const run: Run = {
    seconds: options.number("seconds")!,
    rounds: Math.max(1, options.number("rounds")!),
    warm: options.number("warm")!,
    connections: options.number("connections")!,
    folder,
    wrk: !options.flag("own") && await hasWrk(),
  };
  let all: Record<Shape, Measured>;
  try {
    all = await race(run);
  } finally {
    await clearAllSites();
    await Deno.remove(folder, { recursive: true });
  }
  const faults = shortfalls(all);
  if (options.flag("json")) {
    print(JSON.stringify({ ...run, folder: undefined, figures: all, faults }));
  } else {
    for (const shape of shapes) print(lineOf(shape, all));
    for (const fault of faults) print(fault);
  }
  return faults.length === 0 ? 0 : 1;
}

if (import.meta.main) await runProgram(() => main(Deno.args), clearAllSites);
