/**
 * Accepting events goes before storing them: what is accepted is durable already and can wait. So the
 * server's processes have less of the processor than ours, once there is too little of it.
 *
 * Linux shares it between sessions before it looks at priorities ("autogroup" in sched(7)), unless a
 * control group does, and each process of PostgreSQL begins a session: six that commit had six shares
 * to the platform's one. So their sessions get the priority, too, as they come.
 *
 * @module
 */
import { constants, setPriority } from "node:os";

const lookMs = 500;

/** Lets a postmaster and its processes yield until it has ended. A hint: where it fails, all works. */
export function yieldProcessor(postmaster: number, exited: Promise<void>): void {
  try {
    setPriority(postmaster, constants.priority.PRIORITY_BELOW_NORMAL);
  } catch {
    // Another user's, adopted: it has had its priority since its start.
  }
  if (Deno.build.os !== "linux") return;
  let known: ReadonlySet<number> = new Set();
  const timer = setInterval(() => known = yieldSessions(postmaster, known), lookMs);
  Deno.unrefTimer(timer);
  void exited.then(() => clearInterval(timer));
}

/** @returns the processes that yield by now */
function yieldSessions(postmaster: number, known: ReadonlySet<number>): Set<number> {
  const yielding = new Set<number>();
  for (const pid of childrenOf(postmaster)) {
    if (known.has(pid) || yieldSession(pid)) yielding.add(pid);
  }
  return yielding;
}

function childrenOf(pid: number): number[] {
  try {
    return Deno.readTextFileSync(`/proc/${pid}/task/${pid}/children`).split(" ").map(Number)
      .filter((child) => child > 0);
  } catch {
    // It has ended, or the kernel does not tell.
    return [];
  }
}

function yieldSession(pid: number): boolean {
  try {
    const priority = `${constants.priority.PRIORITY_BELOW_NORMAL}`;
    Deno.writeTextFileSync(`/proc/${pid}/autogroup`, priority, { create: false });
    return true;
  } catch {
    // Who is not root may do one each 100 ms: the next look goes on.
    return false;
  }
}
