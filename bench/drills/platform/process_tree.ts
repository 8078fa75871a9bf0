/**
 * Processes as the kernel shows them in `/proc`: who descends from whom, how large one is, and a
 * whole family stopped and killed as if it had died in one moment.
 *
 * @module
 */
import { isAlive, signal } from "../../../supervisor/store/embedded/postmaster.ts";

/** @throws {Error} there is no `/proc` */
function assertLinux(): void {
  if (Deno.build.os === "linux") return;
  throw new Error(`Cannot drill on ${Deno.build.os} as processes are looked up in Linux's /proc`);
}

/** Parents by process id. */
function parents(): Map<number, number> {
  assertLinux();
  const found = new Map<number, number>();
  for (const { name } of Deno.readDirSync("/proc")) {
    const pid = Number(name);
    if (!Number.isInteger(pid)) continue;
    try {
      const stat = Deno.readTextFileSync(`/proc/${name}/stat`);
      // The command's name, in parentheses, may hold anything; state and parent follow it.
      found.set(pid, Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]));
    } catch {
      // It has ended meanwhile.
    }
  }
  return found;
}

/** The processes `roots` and all that descend from them, parents first. */
export function familyOf(roots: readonly number[]): number[] {
  const parentOf = parents();
  const family = new Set(roots.filter((pid) => parentOf.has(pid)));
  for (let grown = true; grown;) {
    grown = false;
    for (const [pid, parent] of parentOf) {
      if (family.has(pid) || !family.has(parent)) continue;
      family.add(pid);
      grown = true;
    }
  }
  return [...family];
}

/** The command line of a process, which PostgreSQL's backends rewrite; `""` when it is gone. */
export function titleOf(pid: number): string {
  assertLinux();
  try {
    return Deno.readTextFileSync(`/proc/${pid}/cmdline`).replaceAll("\0", " ").trim();
  } catch {
    return "";
  }
}

/** Resident memory of a process in bytes. @throws {Deno.errors.NotFound} it is gone */
export function residentBytes(pid: number): number {
  assertLinux();
  const kib = /^VmRSS:\s+(\d+) kB$/m.exec(Deno.readTextFileSync(`/proc/${pid}/status`))?.[1];
  return Number(kib ?? 0) * 1024;
}

/** Stops `roots` and all their descendants, so that nothing of them runs. @returns all of them */
export function freeze(roots: readonly number[]): number[] {
  const stopped = new Set<number>();
  // Whoever was not stopped yet may have had a child meanwhile.
  for (;;) {
    const running = familyOf(roots).filter((pid) => !stopped.has(pid));
    if (running.length === 0) return [...stopped];
    for (const pid of running) {
      signal(pid, "SIGSTOP");
      stopped.add(pid);
    }
  }
}

/** Lets stopped processes go on. */
export function thaw(pids: readonly number[]): void {
  for (const pid of pids) signal(pid, "SIGCONT");
}

/** Kills `roots` and all their descendants at one moment; resolves when all are gone. */
export async function killFamily(roots: readonly number[]): Promise<number> {
  const pids = freeze(roots);
  for (const pid of pids) signal(pid, "SIGKILL");
  for (const pid of pids) {
    while (await isAlive(pid)) await new Promise((resolve) => setTimeout(resolve, 2));
  }
  return pids.length;
}
