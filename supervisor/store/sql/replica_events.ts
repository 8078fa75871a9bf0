/**
 * Events from a read replica, and from the primary while the replica is away. A replica is a little
 * behind: an event may be found a moment later than its acknowledgement, but pages stay in order and
 * cursors hold, since arrival only grows. Who must miss nothing asks for fresh ones, of the primary.
 *
 * @module
 */
import { OutcomeUnknown, Terminal, Unavailable } from "../../../schema/errors.ts";
import { limits } from "../../../schema/limits.ts";
import type { MetricsSink } from "../../observability/metrics_sink.ts";
import type { EventReader } from "../event_reader.ts";

/** Where pages of events come from. */
export type EventSource = Pick<EventReader, "events" | "close">;

export interface ReplicaEventsOptions {
  readonly primary: EventSource;
  readonly replica: EventSource;
  readonly sink: MetricsSink;
  /** Milliseconds, of any origin. */
  readonly now: () => number;
}

/** The server gave up a query that took too long: the primary would, too, and has other work. */
function isTooSlow(error: Error): boolean {
  return (error.cause as { code?: unknown } | undefined)?.code === "57014";
}

function isAway(error: unknown): boolean {
  if (error instanceof Unavailable) return !isTooSlow(error);
  // Not prepared yet, another password: the operator sees it in the metric.
  return error instanceof OutcomeUnknown || error instanceof Terminal;
}

export class ReplicaEvents implements EventSource {
  /** Until then nobody waits for the replica. */
  #awayUntil = -Infinity;

  constructor(readonly options: ReplicaEventsOptions) {}

  async events(...query: Parameters<EventReader["events"]>): ReturnType<EventReader["events"]> {
    const { primary, replica, sink, now } = this.options;
    const isFresh = query[4];
    if (isFresh) return await primary.events(...query);
    if (now() >= this.#awayUntil) {
      try {
        return await replica.events(...query);
      } catch (error) {
        if (!isAway(error)) throw error;
        this.#awayUntil = now() + limits.replicaRetryMs;
      }
    }
    sink.add("store_replica_fallbacks_total", 1);
    return await primary.events(...query);
  }

  async close(): Promise<void> {
    await Promise.all([this.options.primary.close(), this.options.replica.close()]);
  }
}
