/**
 * Retrying what is transient, for as long as it takes: a shard waits for its resources, it never
 * drops. The delays run on the shard's clock, so that the simulator owns them.
 *
 * @module
 */
import { Unavailable } from "../../schema/errors.ts";
import { limits } from "../../schema/limits.ts";
import type { Clock } from "./clock.ts";

export interface RetryOptions {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Called with each transient failure, the first is number 1, before the wait. */
  readonly onRetry?: (error: Unavailable, failures: number) => void;
  /** Called once when what has failed succeeds, or will not be tried again. */
  readonly onSettled?: () => void;
}

/**
 * Runs `attempt` until it does not throw {@link Unavailable}; the wait doubles from
 * `retryDelayMsMin` to `retryDelayMsMax`.
 *
 * @throws whatever else `attempt` throws; the last {@link Unavailable} when `signal` aborts
 */
export async function retry<T>(attempt: () => Promise<T>, options: RetryOptions): Promise<T> {
  const { clock, signal } = options;
  let failures = 0;
  try {
    for (let delayMs: number = limits.retryDelayMsMin;; delayMs *= 2) {
      try {
        return await attempt();
      } catch (error) {
        if (!(error instanceof Unavailable) || signal.aborted) throw error;
        failures++;
        options.onRetry?.(error, failures);
        await clock.sleep(Math.min(delayMs, limits.retryDelayMsMax), signal);
        if (signal.aborted) throw error;
      }
    }
  } finally {
    if (failures > 0) options.onSettled?.();
  }
}

/** Runs what may be left half done at a stop: waiting for a resource then ends without an error. */
export async function untilStopped(stop: AbortSignal, run: () => Promise<void>): Promise<void> {
  try {
    await run();
  } catch (error) {
    if (!stop.aborted || !(error instanceof Unavailable)) throw error;
  }
}
