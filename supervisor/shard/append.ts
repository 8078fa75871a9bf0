/**
 * Appending what may be appended twice.
 *
 * @module
 */
import { OutcomeUnknown, Unavailable } from "../../schema/errors.ts";
import type { TopicName } from "../../schema/topics.ts";
import type { Log, NewRecord } from "../log/log.ts";
import { retry, type RetryOptions } from "./retry.ts";

/**
 * Appends again and again until the records are durable. For records whose readers drop repetitions:
 * deltas (by source position) and timers (stale ones are ignored).
 */
export function appendAtLeastOnce(
  log: Log,
  topic: TopicName,
  records: readonly NewRecord[],
  options: RetryOptions,
): Promise<void> {
  return retry(async () => {
    try {
      await log.append(topic, records);
    } catch (error) {
      if (!(error instanceof OutcomeUnknown)) throw error;
      throw new Unavailable("log", "Appended with unknown outcome", { cause: error });
    }
  }, options);
}
