/**
 * Work that is done again and again, as a child.
 *
 * @module
 */
import type { Clock } from "../shard/clock.ts";
import type { ChildSpec, ExitReason } from "../tree/child.ts";

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
  return {
    id,
    type: "worker",
    restart: "permanent",
    shutdownMs: 2_000,
    start: () => {
      const stop = new AbortController();
      const run = async (): Promise<ExitReason> => {
        try {
          while (!stop.signal.aborted) {
            await work(stop.signal);
            await clock.sleep(everyMs, stop.signal);
          }
          return { type: "stopped" };
        } catch (error) {
          return stop.signal.aborted ? { type: "stopped" } : { type: "failed", error };
        } finally {
          await end();
        }
      };
      const exited = run();
      return {
        exited,
        stop: async () => {
          stop.abort();
          await exited;
        },
      };
    },
  };
}
