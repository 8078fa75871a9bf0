/**
 * The live state of one actor, for whatever protocol carries it.
 *
 * @module
 */
import { Unavailable } from "../../schema/errors.ts";
import { limits } from "../../schema/limits.ts";
import type { ActorKind, Answer, AskMap, Platform } from "../../supervisor/platform.ts";

/** Waits `ms`, or until the signal aborts. */
function delay(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener("abort", done);
  });
}

export interface ChangesOptions {
  /** At most one answer in so many milliseconds; the first comes at once. @default 0 */
  readonly everyMs?: number;
  /** Pause before an actor that is not being served is asked again. @default limits.retryDelayMsMax */
  readonly retryMs?: number;
}

/**
 * Asks the actor after each commit that changed it. Changes that come faster than they are read
 * arrive as one, and always with the latest answer. While the actor's shard moves, the answer
 * waits. Ends when `signal` aborts.
 *
 * @throws whatever `ask` and `watch` throw, except {@link Unavailable}
 */
export async function* actorChanges<K extends ActorKind, Q extends AskMap[K]["query"]>(
  platform: Platform,
  kind: K,
  id: string,
  query: Q,
  signal: AbortSignal,
  { everyMs = 0, retryMs = limits.retryDelayMsMax }: ChangesOptions = {},
): AsyncGenerator<NonNullable<Answer<K, Q>>> {
  let nextAt = 0;
  for await (const _ of platform.watch({ type: "actor", kind, id }, signal)) {
    const waitMs = nextAt - performance.now();
    if (waitMs > 0) await delay(waitMs, signal);
    nextAt = performance.now() + everyMs;
    while (!signal.aborted) {
      try {
        const answer = await platform.ask(kind, id, query);
        if (!signal.aborted && answer !== null) yield answer as NonNullable<Answer<K, Q>>;
        break;
      } catch (error) {
        if (!(error instanceof Unavailable)) throw error;
        await delay(retryMs, signal);
      }
    }
  }
}
