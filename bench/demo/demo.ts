/**
 * `deno task demo`: the platform, thousands of simulated players, their figures live, and at the
 * end a separate process that checks that every accepted event was counted exactly once.
 * Exit code 1 when it was not, 2 when the options are wrong.
 *
 * @module
 */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { helpText, Options, type OptionSpec } from "../cli/options.ts";
import { print } from "../cli/print.ts";
import { expectationOf } from "../load/expectation.ts";
import type { StreamOptions } from "../load/generator/stream_options.ts";
import { assertStreamOptions } from "../load/generator/stream_options.ts";
import { type LoadResult, runLoad } from "../load/run_load.ts";
import { Tally } from "../load/tally.ts";
import {
  isPostmasterOf,
  readPostmasterFile,
  stopPostmaster,
  watchExit,
} from "../../supervisor/store/embedded/postmaster.ts";
import { PlatformFailed, PlatformProcess } from "./platform_process.ts";
import { watchPlatform } from "./watch.ts";

const specs = {
  players: { type: "number", default: 5000, help: "simulated players" },
  rate: { type: "number", default: 2000, help: "events a second" },
  seconds: { type: "number", default: 60, help: "length of the load" },
  seed: { type: "number", help: "same seed, same events (default random)" },
  games: { type: "number", default: 8, help: "distinct games, Zipf-distributed" },
  "span-days": { type: "number", default: 0, help: "days of history to tell" },
  "data-dir": { type: "text", help: "keep the data there (default a temporary folder)" },
  help: { type: "flag", help: "this text" },
} as const satisfies Record<string, OptionSpec>;

/** Batches a second: enough for the figures to flow, few enough to be cheap. */
const batchesPerSecond = 40;
const connectionsMax = 16;
/** How long the platform may leave batches unanswered at the end. */
const drainMs = 15_000;
/** Players the check looks at one by one; each is a query. */
const playersChecked = 10_000;

function streamOf(options: Options): StreamOptions {
  const rate = options.number("rate")!;
  const seconds = options.number("seconds")!;
  const players = options.number("players")!;
  const spanDays = options.number("span-days")!;
  if (!(rate > 0)) {
    throw new RangeError(`Cannot start as '--rate' must be above 0: current value is ${rate}`);
  }
  const stream: StreamOptions = {
    seed: options.number("seed") ?? crypto.getRandomValues(new Uint32Array(1))[0]!,
    events: Math.ceil(rate * seconds),
    batch: Math.max(1, Math.min(100, Math.round(rate / batchesPerSecond))),
    connections: Math.min(connectionsMax, players),
    players,
    games: options.number("games")!,
    originMs: Date.now(),
    seconds,
    spanDays,
    duplicates: 0.02,
    malformed: 0.002,
    late: spanDays > 0 ? 0.2 : 0.02,
    unordered: 0.05,
    protocol: "http",
  };
  assertStreamOptions(stream);
  return stream;
}

/** Files of one run, beside the platform's data. */
interface Files {
  readonly acks: string;
  readonly expect: string;
}

async function load(
  platform: PlatformProcess,
  stream: StreamOptions,
  files: Files,
  stop: AbortSignal,
  demoStartMs: number,
): Promise<LoadResult> {
  const target = { url: new URL(platform.info.url), key: platform.info.demo_key };
  const tally = new Tally();
  const watchEnd = new AbortController();
  const watching = watchPlatform(
    { target, stream, tally, demoStartMs, isTerminal: Deno.stdout.isTerminal() },
    watchEnd.signal,
  );
  const rate = stream.events / stream.seconds;
  try {
    const runMs = stream.seconds * 1000;
    return await runLoad({ target, stream, rate, runMs, drainMs, acks: files.acks }, stop, tally);
  } finally {
    watchEnd.abort();
    await watching;
  }
}

/** Runs the verifier. Keys go through the environment, where other users cannot read them. */
async function verify(platform: PlatformProcess, files: Files): Promise<boolean> {
  const { url, demo_key, store_url } = platform.info;
  const program = fileURLToPath(new URL("../verify/verify.ts", import.meta.url));
  const { success } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "-A", program, "--url", url, "--players", String(playersChecked)],
      ...["--acks", files.acks, "--expect", files.expect],
    ],
    env: { DEMO_KEY: demo_key, STORE_URL: store_url },
    stdin: "null",
    stdout: "inherit",
    stderr: "inherit",
  }).spawn().status;
  return success;
}

async function run(
  stream: StreamOptions,
  dataDir: string,
  stop: AbortController,
  demoStartMs: number,
): Promise<boolean> {
  print(`seed ${stream.seed}   starting the platform in ${dataDir}`);
  const platform = await PlatformProcess.start({
    dataDir,
    env: {
      PORT: Deno.env.get("PORT") ?? "0",
      ADMIN_PORT: Deno.env.get("ADMIN_PORT") ?? "0",
    },
  });
  const seconds = ((performance.now() - demoStartMs) / 1000).toFixed(1);
  print(`ready after ${seconds} s at ${platform.info.url}   output in ${platform.logPath}`);
  let isRunning = true;
  platform.exited.then(() => {
    isRunning = false;
    stop.abort();
  });
  const files = { acks: join(dataDir, "acks.jsonl"), expect: join(dataDir, "expect.json") };
  try {
    const { report, senders } = await load(platform, stream, files, stop.signal, demoStartMs);
    const expectation = expectationOf(stream, senders, report.mismatches);
    await Deno.writeTextFile(files.expect, JSON.stringify(expectation));
    print();
    print(
      `accepted ${report.accepted} events (${report.duplicates} of them repeats), refused ` +
        `${JSON.stringify(report.rejected)}, ${report.retries} retries`,
    );
    for (const example of report.mismatch_examples) print(`unexpected answer: ${example}`);
    if (!isRunning) {
      print(`the platform has ended by itself; the end of its output:\n${await platform.tail()}`);
      return false;
    }
    print("checking by a separate process …");
    const counted = await verify(platform, files);
    return counted && report.accepted > 0 && report.unknown === 0 && report.mismatches === 0;
  } finally {
    const code = await platform.stop();
    print(`the platform has ended with exit code ${code}${code === 0 ? ", drained" : ""}`);
    if (code !== 0) await stopStore(dataDir);
  }
}

/** A platform that was killed leaves its store running, for the next start; here there is none. */
async function stopStore(dataDir: string): Promise<void> {
  const data = join(dataDir, "postgres", "data");
  const file = await readPostmasterFile(data);
  if (file === undefined || !await isPostmasterOf(file.pid, data)) return;
  await stopPostmaster(file.pid, watchExit(file.pid), 5_000);
}

async function main(args: readonly string[]): Promise<number> {
  const demoStartMs = performance.now();
  if (args.includes("--help")) {
    print(helpText("deno task demo [options]: the platform under simulated players", specs));
    return 0;
  }
  const options = new Options(args, specs);
  const stream = streamOf(options);
  const given = options.text("data-dir");
  const dataDir = given ?? await Deno.makeTempDir({ prefix: "gamemetrics-demo-" });
  const stop = new AbortController();
  const interrupt = () => stop.abort();
  // The first Ctrl-C ends the load early; the check still runs.
  Deno.addSignalListener("SIGINT", interrupt);
  const ok = await run(stream, dataDir, stop, demoStartMs);
  Deno.removeSignalListener("SIGINT", interrupt);
  print(ok ? "PASS" : `FAIL   the data is kept in ${dataDir}`);
  if (ok && given === undefined) await Deno.remove(dataDir, { recursive: true });
  return ok ? 0 : 1;
}

if (import.meta.main) {
  try {
    Deno.exitCode = await main(Deno.args);
  } catch (cause) {
    if (!(cause instanceof RangeError || cause instanceof PlatformFailed)) throw cause;
    print(cause.message);
    Deno.exitCode = cause instanceof PlatformFailed ? 1 : 2;
  }
}
