/**
 * A thread that everybody waits for goes first.
 *
 * @module
 */

/**
 * Asks the system to run the calling thread as soon as it has something to do, before all that share
 * processors by turns (`SCHED_FIFO`). For a thread that does little at a time and that others wait
 * for: by turns it waits for up to 3 ms, a slice, each time it is woken on a busy machine, and an
 * accepted event wakes it several times.
 *
 * Linux allows it to root and to whoever has `CAP_SYS_NICE`; without, everything works, only less
 * evenly under full load. Not on a single processor, where nobody else would run meanwhile.
 *
 * @returns whether it does so now
 */
export async function goFirst(): Promise<boolean> {
  if (Deno.build.os !== "linux" || navigator.hardwareConcurrency < 2) return false;
  try {
    // Of the thread that reads it: `PID/task/TID`.
    const thread = Deno.readLinkSync("/proc/thread-self").split("/").at(-1)!;
    const args = ["-f", "-p", "1", thread];
    const quiet = { stdin: "null", stdout: "null", stderr: "null" } as const;
    const { success } = await new Deno.Command("chrt", { args, ...quiet }).output();
    return success;
  } catch {
    return false;
  }
}
