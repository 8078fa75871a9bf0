/**
 * `deno task bench:actors`: what an actor costs here, and beside it in the actor frameworks of npm, in
 * the same run: the same counter a player, the same dedupe ring, a journal row an event in memory.
 * With `--durable` the whole platform and Restate instead, both on disk.
 *
 * @module
 */
import { helpText, Options, type OptionSpec } from "../../cli/options.ts";
import { print } from "../../cli/print.ts";
import { runProgram } from "../../cli/run_program.ts";
import { clearAllSites } from "../../drills/platform/site.ts";
import type { Contestant, Timed } from "./contestant.ts";
import { recordsOf } from "./counter.ts";
import type { DurableJob } from "./durable/contestant.ts";
import { durableContestants, measureAllDurable, showDurable } from "./durable/durable.ts";
import { onNact } from "./nact.ts";
import { ours } from "./ours.ts";
import { onXstate } from "./xstate.ts";

export interface Sizes {
  readonly players: number;
  readonly messages: number;
  readonly asks: number;
  readonly spawns: number;
  /** Each figure is the best of so many runs. */
  readonly rounds: number;
}

/** By the second, but for `bytesPerActor`, which is `null` without `gc()`. */
export interface Figures {
  readonly name: string;
  readonly apply: number;
  readonly ask: number;
  readonly spawn: number;
  readonly bytesPerActor: number | null;
}

/** What is promised of the shard, by the second and core. */
const goals = { apply: 1_000_000, ask: 100_000, spawn: 50_000 } as const;

export const contestants: readonly Contestant[] = [ours, onNact, onXstate];

/** The rate of the timed part, best of the rounds. */
async function best(
  rounds: number,
  amount: number,
  run: (timed: Timed) => Promise<void>,
): Promise<number> {
  let fastest = Infinity;
  for (let i = 0; i < rounds; i++) {
    gc?.();
    await run(async (part) => {
      const start = performance.now();
      const value = await part();
      fastest = Math.min(fastest, performance.now() - start);
      return value;
    });
  }
  return Math.round(amount / (fastest / 1000));
}

/** @throws {Error} a runtime lost or repeated something: its figures would mean nothing */
export async function measure(who: Contestant, sizes: Sizes): Promise<Figures> {
  const { players, messages, asks, spawns, rounds } = sizes;
  const inputs = recordsOf(players, messages)
    .map((record) => ({ record, event: JSON.parse(record.value) }));
  const check = (what: string, seen: number, expected: number) => {
    if (seen === expected) return;
    throw new Error(`${who.name} ${what} ${seen} where ${expected} were due`);
  };
  return {
    name: who.name,
    apply: await best(rounds, messages, async (timed) => {
      check("counted", await who.apply(inputs, timed), messages);
    }),
    ask: await best(rounds, asks, (timed) => who.ask(asks, timed)),
    spawn: await best(rounds, spawns, async (timed) => {
      check("spawned", await who.spawn(spawns, timed), spawns);
    }),
    bytesPerActor: await bytesPerActor(who, spawns),
  };
}

const { gc } = globalThis as { gc?: () => void };

async function bytesPerActor(who: Contestant, actors: number): Promise<number | null> {
  if (gc === undefined) return null;
  const used = () => {
    gc();
    const { heapUsed, external } = Deno.memoryUsage();
    return heapUsed + external;
  };
  const before = used();
  const release = await who.hold(actors);
  const bytes = Math.round((used() - before) / actors);
  // Until here they must not be collected.
  release();
  return bytes;
}

const optionTable: Record<string, OptionSpec> = {
  players: { type: "number", default: 2000, help: "counters that share the messages" },
  messages: { type: "number", default: 200_000, help: "messages to apply" },
  asks: { type: "number", default: 100_000, help: "asks, 256 under way" },
  spawns: { type: "number", default: 20_000, help: "actors to make live from snapshots" },
  rounds: { type: "number", default: 3, help: "runs of each; the best counts" },
  durable: { type: "flag", help: "whole servers, on disk: the platform and Restate" },
  events: { type: "number", default: 20_000, help: "of --durable" },
  concurrency: { type: "number", default: 64, help: "requests under way, of --durable" },
  json: { type: "flag", help: "print JSON" },
  help: { type: "flag", help: "print this" },
};

function table(all: readonly Figures[]): void {
  const [own] = all as [Figures];
  for (const what of ["apply", "ask", "spawn", "bytesPerActor"] as const) {
    const goal = what === "bytesPerActor" ? "" : `, goal ${goals[what].toLocaleString("en")}`;
    print(what === "bytesPerActor" ? "bytes per actor" : `${what}, per second${goal}`);
    for (const figures of all) {
      const value = figures[what];
      const ratio = value === null || own[what] === null ? "" : (own[what] / value).toFixed(2);
      const text = (value ?? "needs --expose-gc").toLocaleString("en");
      print(`  ${figures.name.padEnd(16)} ${text.padStart(14)}   shard / it = ${ratio}`);
    }
  }
  print("Taken on a machine with other work these figures are indicative only.");
  print("Records are read beforehand, for all; store and log are in memory.");
  print(
    "Only the shard is asked across threads: nact answers within one, xstate reads a property.",
  );
}

async function runInMemory(options: Options): Promise<void> {
  const number = (name: string) => options.number(name)!;
  const sizes: Sizes = {
    players: number("players"),
    messages: number("messages"),
    asks: number("asks"),
    spawns: number("spawns"),
    rounds: number("rounds"),
  };
  const all: Figures[] = [];
  for (const who of contestants) all.push(await measure(who, sizes));
  if (options.flag("json")) print(JSON.stringify({ sizes, goals, figures: all }));
  else table(all);
}

async function runDurable(options: Options): Promise<void> {
  const number = (name: string) => options.number(name)!;
  const job: DurableJob = {
    players: number("players"),
    events: number("events"),
    concurrency: number("concurrency"),
  };
  const all = await measureAllDurable(durableContestants, job, number("rounds"));
  if (options.flag("json")) print(JSON.stringify({ job, figures: all }));
  else showDurable(job, all);
}

async function main(): Promise<number> {
  const options = new Options(Deno.args, optionTable);
  if (options.flag("help")) print(helpText("deno task bench:actors", optionTable));
  else if (options.flag("durable")) await runDurable(options);
  else await runInMemory(options);
  return 0;
}

if (import.meta.main) await runProgram(main, clearAllSites);
