/**
 * Processes that outlive the command that starts them: started with their output in a file, known
 * again by pid and start time, stopped by signal.
 *
 * @module
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync } from "node:fs";
import {
  isAlive,
  signal,
  watchExit,
  within,
} from "../../../supervisor/store/embedded/postmaster.ts";
import type { RunAs } from "../../../supervisor/store/embedded/run_as.ts";
import type { ProcessEntry } from "../service.ts";

export interface DaemonOptions {
  readonly program: string;
  readonly args: readonly string[];
  /** Beside the few variables that any program needs. */
  readonly env?: Readonly<Record<string, string>>;
  /** Takes standard output and standard error. */
  readonly logFile: string;
  readonly cwd: string;
  /** Whom it runs as. @default ourselves */
  readonly user?: RunAs | undefined;
  readonly port: number;
}

/** A daemon gets these of our environment, and no secret that may be in it. */
const passedOn = ["PATH", "HOME", "TMPDIR", "JAVA_HOME"];

/** Starts a program that stays when we go. */
export async function startDaemon(options: DaemonOptions): Promise<ProcessEntry> {
  const { port, logFile } = options;
  const log = openSync(logFile, "w");
  try {
    const own = passedOn.flatMap((name) => {
      const value = Deno.env.get(name);
      return value === undefined ? [] : [[name, value]];
    });
    const child = spawn(options.program, [...options.args], {
      detached: true,
      stdio: ["ignore", log, log],
      cwd: options.cwd,
      env: { ...Object.fromEntries(own), LANG: "C.UTF-8", ...options.env },
      ...options.user,
    });
    child.unref();
    if (child.pid === undefined) await once(child, "spawn");
    const pid = child.pid!;
    return { pid, identity: await identityOf(pid), port, since: new Date().toISOString(), logFile };
  } finally {
    closeSync(log);
  }
}

/**
 * What tells a process from a later one that got its pid: on Linux the boot and the tick at which it
 * started, elsewhere the start time that `ps` gives. Empty when there is none.
 */
export async function identityOf(pid: number): Promise<string> {
  if (Deno.build.os === "linux") {
    const stat = await Deno.readTextFile(`/proc/${pid}/stat`).catch(() => "");
    const boot = await Deno.readTextFile("/proc/sys/kernel/random/boot_id").catch(() => "");
    const tick = startTick(stat);
    return tick === undefined ? "" : `${boot.trim()}/${tick}`;
  }
  const { stdout } = await new Deno.Command("ps", {
    args: ["-o", "lstart=", "-p", String(pid)],
    stderr: "null",
  }).output();
  return new TextDecoder().decode(stdout).trim();
}

/** The 22nd field of `/proc/PID/stat`: when the process started, in ticks since the boot. */
export function startTick(stat: string): string | undefined {
  // The second field is the program's name in brackets and may itself have spaces and brackets.
  return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
}

/** Whether the process that we started still runs. */
export async function runs(entry: ProcessEntry): Promise<boolean> {
  return entry.identity !== "" && await isAlive(entry.pid) &&
    await identityOf(entry.pid) === entry.identity;
}

/**
 * Stops a process that is really ours: by `name`, and by force after `timeoutMs`.
 *
 * @returns how it went
 * @throws {Error} not even force ends it
 */
export async function stopDaemon(
  entry: ProcessEntry,
  name: Deno.Signal,
  timeoutMs = 20_000,
): Promise<"gone" | "stopped" | "killed"> {
  if (!await runs(entry)) return "gone";
  const exited = watchExit(entry.pid, 20);
  // It may have been paused, and would then never see the signal.
  signal(entry.pid, "SIGCONT");
  signal(entry.pid, name);
  if (await within(exited, timeoutMs)) return "stopped";
  signal(entry.pid, "SIGKILL");
  if (await within(exited, timeoutMs)) return "killed";
  throw new Error(`Process ${entry.pid} has not ended ${timeoutMs / 1000} s after a SIGKILL`);
}

/**
 * Asks until there is no error, at most for `timeoutMs`; gives up at once when a process has ended.
 *
 * @throws {Error} with the last error and the end of the log
 */
export async function waitUntil(
  ask: () => Promise<void>,
  processes: readonly ProcessEntry[],
  timeoutMs = 120_000,
): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      const ended = await firstEnded(processes);
      if (ended !== undefined || performance.now() > deadline) {
        const what = ended === undefined
          ? `it does not answer after ${timeoutMs / 1000} s: ${(error as Error).message}`
          : `its process ended by itself`;
        throw new Error(`${what}${await endOfLog(ended ?? processes[0])}`, { cause: error });
      }
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

async function firstEnded(processes: readonly ProcessEntry[]): Promise<ProcessEntry | undefined> {
  for (const entry of processes) if (!await runs(entry)) return entry;
  return undefined;
}

async function endOfLog(entry: ProcessEntry | undefined): Promise<string> {
  if (entry === undefined) return "";
  const text = await Deno.readTextFile(entry.logFile).catch(() => "");
  const lines = text.trimEnd().split("\n").slice(-8).map((line) => `\n  ${line.slice(0, 300)}`);
  return `. The end of ${entry.logFile}:${lines.join("")}`;
}
