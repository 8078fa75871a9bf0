/**
 * `deno task bench:sockets`: what idle WebSockets cost: memory of each, their heartbeat's processor
 * time, and what a POST takes beside them. Exit code 1 when one was lost.
 *
 * @module
 */
import { helpText, Options, type OptionSpec } from "../../cli/options.ts";
import { note, print } from "../../cli/print.ts";
import { runProgram } from "../../cli/run_program.ts";
import { clearAllSites } from "../../drills/platform/site.ts";
import { type IdleFigures, measureIdle } from "./measure_idle.ts";

const socketsDefault = 20_000;
/** Of the platform's process beside the sockets, its workers' files among them. */
const otherFiles = 200;
/** Through the guard a socket has both its ends beside it. */
const filesBehindGuard = 3;

const specs = {
  sockets: { type: "number", help: "to hold (default 20000, or what descriptors allow)" },
  seconds: { type: "number", default: 20, help: "of each measurement" },
  guard: { type: "flag", help: "through the TCP guard, not as behind a proxy" },
  json: { type: "flag", help: "print JSON" },
  help: { type: "flag", help: "print this" },
} as const satisfies Record<string, OptionSpec>;

/** How many files a process may open. */
function descriptorsMax(): number {
  const text = Deno.readTextFileSync("/proc/self/limits");
  return Number(/^Max open files +(\d+)/m.exec(text)?.[1] ?? Infinity);
}

/**
 * How many sockets fit.
 *
 * @param asked `undefined`: as many as fit, at most the default
 * @throws {RangeError} fewer fit than were asked for
 */
export function socketsThatFit(
  asked: number | undefined,
  descriptors: number,
  guard: boolean,
): number {
  const filesOfEach = guard ? filesBehindGuard : 1;
  const fit = Math.floor((descriptors - otherFiles) / filesOfEach);
  if (asked === undefined) return Math.min(socketsDefault, fit);
  if (asked <= fit) return asked;
  const needed = asked * filesOfEach + otherFiles;
  throw new RangeError(
    `Cannot hold ${asked} sockets as a process may open ${descriptors} files here: ` +
      `run 'ulimit -n ${needed}' before, or ask for at most ${fit}`,
  );
}

function show(figures: IdleFigures): void {
  const { sockets, guard, open_ms, before, held, bytes_per_socket } = figures;
  const ms = (value: number) => `${value.toFixed(1)} ms`;
  const mib = (bytes: number) => `${(bytes / 2 ** 20).toFixed(0)} MiB`;
  print(`${sockets.toLocaleString("en")} idle WebSockets, guard ${guard ? "on" : "off"}`);
  const rate = Math.round(sockets / open_ms * 1000).toLocaleString("en");
  print(`opened in ${(open_ms / 1000).toFixed(1)} s (${rate}/s)`);
  print(`memory     ${mib(before.rss_bytes)} before, ${mib(held.rss_bytes)} with them:`);
  print(`           ${(bytes_per_socket / 1024).toFixed(1)} KiB each`);
  print(
    `heartbeat  ${figures.pongs_per_second.toFixed(0)} pongs/s, ${
      figures.heartbeat_cpu_percent.toFixed(1)
    } % of a core more (${before.cpu_percent.toFixed(1)} % before)`,
  );
  print(`POST p99   ${ms(before.post_p99_ms)} before, ${ms(held.post_p99_ms)} with them`);
  print(
    `           (p50 ${ms(before.post_p50_ms)}, ${
      ms(held.post_p50_ms)
    }; ${held.posts} posts of one event)`,
  );
}

async function main(): Promise<number> {
  const options = new Options(Deno.args, specs);
  if (options.flag("help")) {
    print(helpText("deno task bench:sockets [options]: what idle WebSockets cost", specs));
    return 0;
  }
  const guard = options.flag("guard");
  const asked = options.number("sockets");
  const sockets = socketsThatFit(asked, descriptorsMax(), guard);
  if (asked === undefined && sockets < socketsDefault) {
    note(`${sockets} sockets are what ${descriptorsMax()} descriptors allow`);
  }
  const dir = await Deno.makeTempDir({ prefix: "gamemetrics-sockets-" });
  try {
    const figures = await measureIdle({
      sockets,
      guard,
      dir,
      seconds: options.number("seconds") ?? specs.seconds.default,
    });
    if (options.flag("json")) print(JSON.stringify(figures));
    else show(figures);
    for (const fault of figures.faults) note(`did not hold: ${fault}`);
    return figures.faults.length === 0 ? 0 : 1;
  } finally {
    await Deno.remove(dir, { recursive: true }).catch(() => {});
  }
}

if (import.meta.main) await runProgram(main, clearAllSites);
