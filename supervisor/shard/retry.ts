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
  /** Called with each transient failure, before the wait. */
  readonly onRetry?: (error: Unavailable) => void;
}

/**
 * Runs `attempt` until it does not throw {@link Unavailable}; the wait doubles from
 * `retryDelayMsMin` to `retryDelayMsMax`.
 *
 * @throws whatever else `attempt` throws; the last {@link Unavailable} when `signal` aborts
 */
export async function retry<T>(attempt: () => Promise<T>, options: RetryOptions): Promise<T> {
  for (let delayMs: number = limits.retryDelayMsMin;; delayMs *= 2) {
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof Unavailable) || options.signal.aborted) throw error;
      options.onRetry?.(error);
      await options.clock.sleep(Math.min(delayMs, limits.retryDelayMsMax), options.signal);
      if (options.signal.aborted) throw error;
    }
  }
}
