/**
 * The live state of one actor, for whatever protocol carries it.
 *
 * @module
 */
import { Unavailable } from "../../schema/errors.ts";
import { limits } from "../../schema/limits.ts";
import type { ActorKind, Answer, AskMap, Platform } from "../../supervisor/platform.ts";

/** A notice at once, and then those that come; they are waited for from the beginning. */
async function* withFirst(notices: AsyncIterable<unknown>): AsyncGenerator<unknown> {
  const iterator = notices[Symbol.asyncIterator]();
  let next = iterator.next();
  next.catch(() => {});
  yield null;
  while (!(await next).done) {
    yield null;
    next = iterator.next();
  }
}

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
  /** The first answer comes without waiting for a change. @default false */
  readonly initially?: boolean;
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
  { everyMs = 0, initially = false, retryMs = limits.retryDelayMsMax }: ChangesOptions = {},
): AsyncGenerator<NonNullable<Answer<K, Q>>> {
  let nextAt = 0;
  const notices = platform.watch({ type: "actor", kind, id }, signal);
  for await (const _ of initially ? withFirst(notices) : notices) {
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
