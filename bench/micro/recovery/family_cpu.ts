/**
 * Processor time of a platform: its process, its PostgreSQL and all their children.
 *
 * @module
 */
import { familyOf } from "../../drills/platform/process_tree.ts";

/** Of the kernel's accounting, on every Linux that Deno runs on. */
const ticksPerSecond = 100;

/** Seconds that the processes `roots` and their descendants have run, those that ended among them. */
export function cpuSecondsOf(roots: readonly number[]): number {
  let ticks = 0;
  for (const pid of familyOf(roots)) {
    try {
      const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
      // User, system, and the same of children that were waited for: fields 14 to 17.
      const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      for (let i = 11; i <= 14; i++) ticks += Number(fields[i]);
    } catch {
      // It has ended meanwhile.
    }
  }
  return ticks / ticksPerSecond;
}
