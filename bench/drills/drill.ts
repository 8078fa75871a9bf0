/**
 * `deno task drill NAME …` or `deno task drill --all`: puts faults on real platforms and checks what
 * must still hold. Exit code 1 when a drill failed, 2 when the options are wrong.
 *
 * @module
 */
import { helpText, Options, type OptionSpec } from "../cli/options.ts";
import { print } from "../cli/print.ts";
import { runProgram } from "../cli/run_program.ts";
import { drills, findDrill } from "./drills.ts";
import type { Drill, OwnDrill } from "./drill_types.ts";
import { clearAllSites } from "./platform/site.ts";
import { type DrillOutcome, runDrill } from "./run_drill.ts";
import { clearAllNetworks } from "./network/node_network.ts";
import { clearAllServers } from "./servers/own_servers.ts";

/** What a drill of `--all` may take; the long forms have limits of their own and this at most. */
const quickSecondsMax = 90;
const fullSecondsMax = 600;

const specs = {
  all: { type: "flag", help: "every drill, in its short form" },
  quick: { type: "flag", help: "the short form, at most 90 s a drill" },
  full: { type: "flag", help: "the long form, with --all, too" },
  mutate: { type: "flag", help: "break promises on purpose: each drill must notice" },
  seed: { type: "number", help: "same seed, same events (default random)" },
  list: { type: "flag", help: "the names of the drills" },
  json: { type: "flag", help: "a line of JSON a drill, and nothing else" },
  help: { type: "flag", help: "this text" },
} as const satisfies Record<string, OptionSpec>;

/** One drill to run, with one broken promise or none. */
interface Task {
  readonly drill: Drill | OwnDrill;
  readonly mutation?: string;
}

/** @throws {RangeError} a name is unknown, or there is nothing to do */
function tasksOf(names: readonly string[], options: Options): Task[] {
  if (names.length === 0 && !options.flag("all")) {
    throw new RangeError("Cannot drill as neither a name nor --all is given: see --help, --list");
  }
  const chosen = options.flag("all") ? drills : names.map((name) => {
    const drill = findDrill(name);
    if (drill === undefined) {
      throw new RangeError(`Cannot drill '${name}': there is none, see --list`);
    }
    return drill;
  });
  if (!options.flag("mutate")) return chosen.map((drill) => ({ drill }));
  return chosen.flatMap((drill) =>
    "mutations" in drill
      ? Object.keys(drill.mutations).map((mutation) => ({ drill, mutation }))
      : []
  );
}

function show(outcome: DrillOutcome): void {
  const { id, name, seed, quick, mutation, pass, seconds, counts, notes } = outcome;
  const form = `${quick ? "quick" : "full"}${mutation === null ? "" : `, mutation ${mutation}`}`;
  print(
    `${
      outcome.skipped !== undefined ? "SKIP" : pass ? "PASS" : "FAIL"
    }  ${id} ${name} (${form})  seed ${seed}  ${seconds.toFixed(1)} s`,
  );
  const figures = Object.entries(counts).map(([key, value]) => `${key} ${value}`);
  if (figures.length > 0) print(`      ${figures.join("  ")}`);
  for (const note of notes) print(`      ${note}`);
}

async function main(args: readonly string[]): Promise<number> {
  const first = args.findIndex((arg) => arg.startsWith("-"));
  const names = first < 0 ? args : args.slice(0, first);
  const options = new Options(first < 0 ? [] : args.slice(first), specs);
  if (options.flag("help")) {
    print(helpText("deno task drill NAME … | --all [options]: faults on real platforms", specs));
    return 0;
  }
  if (options.flag("list")) {
    for (const { id, name } of drills) print(`${id.padStart(4)}  ${name}`);
    return 0;
  }
  const tasks = tasksOf(names, options);
  const isShort = options.flag("all") || options.flag("mutate") || options.flag("quick");
  const quick = isShort && !options.flag("full");
  const isJson = options.flag("json");
  const seed = options.number("seed") ?? crypto.getRandomValues(new Uint32Array(1))[0]!;
  let failed = 0;
  let skipped = 0;
  for (const { drill, mutation } of tasks) {
    if (!isJson) print(`drill ${drill.id} ${drill.name}, seed ${seed} …`);
    const outcome = await runDrill(drill, {
      seed,
      quick,
      print: isJson ? () => {} : (line) => print(`      ${line}`),
      secondsMax: quick ? quickSecondsMax : fullSecondsMax,
      ...(mutation === undefined ? {} : { mutation }),
    });
    if (isJson) print(JSON.stringify(outcome));
    else show(outcome);
    if (outcome.skipped !== undefined) skipped++;
    else if (!outcome.pass) failed++;
  }
  if (!isJson && tasks.length > 1) {
    const passed = tasks.length - failed - skipped;
    print(`${passed} of ${tasks.length} passed${skipped === 0 ? "" : `, ${skipped} skipped`}`);
  }
  return failed === 0 ? 0 : 1;
}

/** Whoever interrupts a drill must not be left with the platforms it has started. */
async function clearAll(): Promise<void> {
  await clearAllSites();
  await clearAllServers();
  await clearAllNetworks();
}

if (import.meta.main) await runProgram(() => main(Deno.args), clearAll);
