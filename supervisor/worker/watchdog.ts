/**
 * Notices a thread that has stopped taking messages, as in a loop without end: nothing inside it can
 * tell, so somebody outside asks.
 *
 * @module
 */
import { limits } from "../../schema/limits.ts";
import type { Clock } from "../shard/clock.ts";

export interface WatchdogOptions {
  readonly clock: Clock;
  /** Asks the thread for a sign of life; a refusal is one, too. */
  readonly ping: () => Promise<unknown>;
  /** Ends the watch. */
  readonly signal: AbortSignal;
  /** Between two looks, and between an answer and the next question. @default limits.watchdogLookMs */
  readonly lookMs?: number;
  /** Silence that means that it is frozen. @default limits.watchdogSilenceMsMax */
  readonly silenceMsMax?: number;
}

/**
 * Watches a thread until it is silent for too long (`"frozen"`), or `signal` aborts (`"ended"`).
 *
 * The silence is counted in looks of ours, not in time: when the whole process was stopped for a
 * while, or this thread was busy itself, that is one look, and the answer is there at the next.
 *
 * @throws {RangeError} the times contradict each other
 */
export async function watchdog(options: WatchdogOptions): Promise<"frozen" | "ended"> {
  const { clock, ping, signal } = options;
  const { lookMs = limits.watchdogLookMs, silenceMsMax = limits.watchdogSilenceMsMax } = options;
  if (!(lookMs > 0 && lookMs <= silenceMsMax)) {
    throw new RangeError(
      `Cannot watch as lookMs must be above 0 and at most silenceMsMax: ${lookMs}, ${silenceMsMax}`,
    );
  }
  while (!signal.aborted) {
    let isAnswered = false;
    const onAnswer = () => void (isAnswered = true);
    ping().then(onAnswer, onAnswer);
    for (let silentMs = 0; !isAnswered; silentMs += lookMs) {
      if (silentMs >= silenceMsMax) return "frozen";
      await clock.sleep(lookMs, signal);
      if (signal.aborted) return "ended";
    }
  }
  return "ended";
}
