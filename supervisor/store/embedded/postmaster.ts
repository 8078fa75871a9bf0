/**
 * The postmaster process, ours or one that a killed parent left behind: who it is, whether it
 * lives, how it is stopped.
 *
 * @module
 */
import process from "node:process";

/** What `postmaster.pid` in the database folder says. */
export interface PostmasterFile {
  readonly pid: number;
  readonly port: number;
  /** It accepts connections. */
  readonly ready: boolean;
}

/** Reads `postmaster.pid`; `undefined` if there is none or it is not written to the end yet. */
export async function readPostmasterFile(data: string): Promise<PostmasterFile | undefined> {
  const text = await Deno.readTextFile(postmasterFile(data)).catch(() => "");
  // Lines: pid, folder, start time, port, socket folder, address, shared memory, status.
  const lines = text.split("\n");
  const pid = Number(lines[0]);
  const port = Number(lines[3]);
  if (!(pid > 0) || !(port > 0)) return undefined;
  return { pid, port, ready: lines[7]?.trim() === "ready" };
}

/** Where the server says that it runs. */
export function postmasterFile(data: string): string {
  return `${data}/postmaster.pid`;
}

/** Whether a process with this pid lives; one that only waits to be reaped does not. */
export async function isAlive(pid: number): Promise<boolean> {
  if (!isTaken(pid)) return false;
  if (Deno.build.os !== "linux") return true;
  const stat = await Deno.readTextFile(`/proc/${pid}/stat`).catch(() => "");
  return stat !== "" && !stat.slice(stat.lastIndexOf(")")).startsWith(") Z");
}

/** Whether a process has this pid, be it one that only waits to be reaped. */
function isTaken(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it is there, but another user's.
    return (error as { code?: string }).code === "EPERM";
  }
}

/** Whether the process is a server of this database folder, and not one that got a reused pid. */
export async function isPostmasterOf(pid: number, data: string): Promise<boolean> {
  if (Deno.build.os === "linux") {
    const command = await Deno.readTextFile(`/proc/${pid}/cmdline`).catch(() => "");
    return command.includes(`\0-D\0${data}\0`);
  }
  const { stdout } = await new Deno.Command("ps", {
    args: ["-ww", "-o", "command=", "-p", String(pid)],
    stderr: "null",
  }).output();
  return new TextDecoder().decode(stdout).includes(` -D ${data} -p `);
}

/**
 * Lets a new server of ours pass a dead one that nobody has reaped yet: its pid is taken as long as
 * that lasts, so PostgreSQL believes that it runs. In a container whose first process reaps late, or
 * never, every start after a kill would wait for it. The new server passes over a pid file in the
 * name of its parent, which is us, and still refuses while backends of the dead one hold its memory.
 *
 * @returns whether there was one
 */
export async function passUnreaped(data: string): Promise<boolean> {
  const path = postmasterFile(data);
  const text = await Deno.readTextFile(path).catch(() => "");
  const [line] = text.split("\n");
  const pid = Number(line);
  if (!(pid > 0) || pid === process.pid || !isTaken(pid) || await isAlive(pid)) return false;
  await Deno.writeTextFile(path, `${process.pid}${text.slice(line!.length)}`);
  return true;
}

/** Sends a signal; a process that is gone is no error. */
export function signal(pid: number, name: Deno.Signal): void {
  try {
    Deno.kill(pid, name);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** Resolves when a process that is not our child has gone, looking every `everyMs`. */
export function watchExit(pid: number, everyMs = 100): Promise<void> {
  return new Promise((resolve) => {
    const look = async () => {
      if (!await isAlive(pid)) return resolve();
      // Watching must not keep a process alive that has nothing else to do.
      Deno.unrefTimer(setTimeout(look, everyMs));
    };
    look();
  });
}

/**
 * Stops a postmaster: fast (clients are cut, a checkpoint is written), after `timeoutMs` at once
 * (the next start recovers from the WAL), and if it does not even answer that, by force.
 *
 * @returns how it went
 */
export async function stopPostmaster(
  pid: number,
  exited: Promise<void>,
  timeoutMs: number,
): Promise<"fast" | "immediate" | "killed"> {
  // Gone already: its pid may be another program's by now.
  if (await within(exited, 0)) return "fast";
  // It may have been stopped (SIGSTOP), and would then never see the signals.
  signal(pid, "SIGCONT");
  signal(pid, "SIGINT");
  if (await within(exited, timeoutMs)) return "fast";
  signal(pid, "SIGQUIT");
  if (await within(exited, 5_000)) return "immediate";
  signal(pid, "SIGKILL");
  await exited;
  return "killed";
}

/** Whether `promise` resolved within `ms`. */
export async function within(promise: Promise<unknown>, ms: number): Promise<boolean> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<false>((resolve) => timer = setTimeout(() => resolve(false), ms));
  try {
    return await Promise.race([promise.then(() => true), late]);
  } finally {
    clearTimeout(timer);
  }
}
