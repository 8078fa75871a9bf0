/**
 * Work that is done again and again, as a child.
 *
 * @module
 */
import type { Clock } from "../shard/clock.ts";
import type { ChildSpec } from "../tree/child.ts";
import { permanentChild } from "../tree/run_child.ts";

const shutdownMs = 2_000;

/**
 * Runs `work` every `everyMs`, from the start on; a throw is the supervisor's to answer.
 *
 * @param end runs once after the last round. @default nothing
 */
export function loopChild(
  id: string,
  everyMs: number,
  clock: Clock,
  work: (stop: AbortSignal) => Promise<void>,
  end: () => Promise<void> = () => Promise.resolve(),
): ChildSpec {
  return permanentChild(id, shutdownMs, async (stop) => {
    try {
      while (!stop.aborted) {
        await work(stop);
        await clock.sleep(everyMs, stop);
      }
    } finally {
      await end();
    }
  });
}
