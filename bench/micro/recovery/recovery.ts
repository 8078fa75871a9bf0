/**
 * `deno task bench:recovery`: how soon a million players answer after everything was killed, lazily
 * and eagerly. Exit code 1 when an answer was wrong, or the first came later than promised.
 *
 * @module
 */
import { helpText, Options, type OptionSpec } from "../../cli/options.ts";
import { note, print } from "../../cli/print.ts";
import { runProgram } from "../../cli/run_program.ts";
import { clearAllSites } from "../../drills/platform/site.ts";
import { measureRecovery, type Recovery } from "./measure_recovery.ts";

/** What is promised: the first answer, once the shards are served. */
export const firstAnswerMsMax = 1000;

const specs = {
  players: { type: "number", default: 1_000_000, help: "players to recover" },
  seed: { type: "number", default: 1, help: "same seed, same players" },
  json: { type: "flag", help: "print JSON" },
  help: { type: "flag", help: "print this" },
} as const satisfies Record<string, OptionSpec>;

/** What did not hold, one line each. */
export function failures({ faults, first }: Recovery): string[] {
  const late = first.from_shards_up_ms > firstAnswerMsMax;
  return late
    ? [
      ...faults,
      `the first answer came ${Math.round(first.from_shards_up_ms)} ms after the shards`,
    ]
    : [...faults];
}

function show(recovery: Recovery): void {
  const { players, events, made_ms, redo_bytes, first, cold, eager } = recovery;
  const mib = (bytes: number) => `${Math.round(bytes / 2 ** 20)} MiB`;
  const ms = (value: number) => `${Math.round(value).toLocaleString("en")} ms`;
  const n = (value: number) => value.toLocaleString("en");
  print(`${n(players)} players, ${n(events)} events, made in ${ms(made_ms)}; then kill -9 of all`);
  print(`lazily   first right answer ${ms(first.from_exec_ms)} after the start of the process,`);
  print(
    `         ${ms(first.from_kill_ms)} after the kill; gateway listening ${
      ms(first.listening_ms)
    },`,
  );
  print(
    `         shards served ${ms(first.shards_up_ms)}: ${ms(first.from_shards_up_ms)} after both.`,
  );
  const store = first.store_start_ms === null ? "unknown" : ms(first.store_start_ms);
  print(`         Of this PostgreSQL's start ${store}, with ${mib(redo_bytes)} of WAL to redo`);
  print(`         ${n(cold.asks)} cold players one by one: p50 ${cold.p50} ms, p99 ${cold.p99} ms`);
  print(
    `eagerly  all made live and answered in ${ms(eager.ms)}: ${n(eager.players_per_second)}/s,`,
  );
  print(`         ${n(eager.players_per_cpu_second)} per second of processor time`);
  print(`         (${n(eager.live_at_end)} live at the end, the others passivated again)`);
}

async function main(): Promise<number> {
  const options = new Options(Deno.args, specs);
  if (options.flag("help")) {
    print(helpText("deno task bench:recovery [options]: kill -9 with a million players", specs));
    return 0;
  }
  const players = options.number("players")!;
  if (!(Number.isInteger(players) && players >= 100)) {
    throw new RangeError(
      `Cannot recover as '--players' must be a whole number from 100: current value is ${players}`,
    );
  }
  const dir = await Deno.makeTempDir({ prefix: "gamemetrics-recovery-" });
  try {
    const recovery = await measureRecovery({
      players,
      seed: options.number("seed")!,
      dir,
      tell: note,
    });
    const failed = failures(recovery);
    if (options.flag("json")) print(JSON.stringify({ ...recovery, pass: failed.length === 0 }));
    else {
      show(recovery);
      for (const line of failed) print(`FAIL     ${line}`);
      if (failed.length === 0) print("PASS     every player has the events it had");
    }
    return failed.length === 0 ? 0 : 1;
  } finally {
    await Deno.remove(dir, { recursive: true }).catch(() => {});
  }
}

if (import.meta.main) await runProgram(main, clearAllSites);
