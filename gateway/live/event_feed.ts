/**
 * Events of a studio as they are committed, and before them those that somebody missed who was away.
 *
 * @module
 */
import { limits } from "../../schema/limits.ts";
import type { EventFilter, Platform, RecordedEvent } from "../../supervisor/platform.ts";

/** Events that can no longer be told one after the other. */
export class EventGap extends Error {
  override readonly name = "EventGap";

  /** @param from arrival time from which on something may be missing, milliseconds */
  constructor(message: string, readonly from: number) {
    super(message);
  }
}

export interface FeedOptions {
  /** Arrival time, milliseconds: what came since is told first, oldest first. @default only what is new */
  readonly since?: number | undefined;
  /** Milliseconds since the Unix epoch. @default Date.now */
  readonly now?: () => number;
  /** How long the shards have to hear of the watch before the journal is read. @default limits.resumeSettleMs */
  readonly settleMs?: number;
}

const iso = (ms: number) => new Date(ms).toISOString();

/** `partition:offset`, as numbers. */
function placeOf({ position }: RecordedEvent): [partition: number, offset: number] {
  const [partition, offset] = position.split(":");
  return [Number(partition), Number(offset)];
}

/**
 * What arrived since, oldest first.
 *
 * @throws {EventGap} it is more than is told again
 */
async function missed(
  platform: Platform,
  studio: string,
  filter: EventFilter,
  since: number,
): Promise<RecordedEvent[]> {
  const found: RecordedEvent[] = [];
  // By the id that an event came with, as the live ones are.
  const exact = { ...filter, exact: true };
  let after: string | undefined;
  for (;;) {
    const page = await platform.events(studio, exact, limits.pageSizeMax, after, true);
    for (const { event } of page.events) {
      if (event.receivedAt < since) return found.reverse();
      found.push(event);
    }
    if (!page.hasNextPage) return found.reverse();
    if (found.length >= limits.resumeEventsMax) {
      throw new EventGap(`More than ${limits.resumeEventsMax} events arrived since`, since);
    }
    after = page.events.at(-1)!.cursor;
  }
}

/**
 * The events that pass a filter, each once in this stream, in the order of their partition. With
 * `since`, what arrived from shortly before it on is told from the journal first; an event that
 * somebody has seen before has the same id and position again. Ends when `signal` aborts.
 *
 * @throws {EventGap} `since` is too long ago, or this reader was too slow: some cannot be told
 */
export async function* eventFeed(
  platform: Platform,
  studio: string,
  filter: EventFilter,
  signal: AbortSignal,
  options: FeedOptions = {},
): AsyncGenerator<RecordedEvent> {
  const { since, now = Date.now, settleMs = limits.resumeSettleMs } = options;
  if (since !== undefined && now() - since > limits.resumeMsMax) {
    throw new EventGap(`Events are told again for ${limits.resumeMsMax / 60_000} minutes`, since);
  }
  const watch = platform.watch({ type: "events", studio, filter }, signal);
  const live = watch[Symbol.asyncIterator]();
  // The watch begins with the first value that is asked for.
  const first = live.next();
  first.catch(() => {});
  /** The last offset told of each partition. */
  const told = new Map<number, number>();
  let arrivedAt = since ?? now();
  try {
    if (since !== undefined) {
      // Shards that learn of the watch only after the journal was read could commit in between.
      await new Promise((resolve) => setTimeout(resolve, settleMs));
      for (const event of await missed(platform, studio, filter, since - limits.resumeSlackMs)) {
        if (signal.aborted) return;
        told.set(...placeOf(event));
        arrivedAt = event.receivedAt;
        yield event;
      }
    }
    for (let next = first;; next = live.next()) {
      const { done, value: event } = await next;
      if (done || signal.aborted) return;
      if (event === null) {
        throw new EventGap("You read too slowly: events were left out", arrivedAt);
      }
      const [partition, offset] = placeOf(event);
      if (offset <= (told.get(partition) ?? -1)) continue;
      told.set(partition, offset);
      arrivedAt = event.receivedAt;
      yield event;
    }
  } finally {
    // Not awaited: while a value is being waited for it returns only when the signal aborts.
    live.return?.(undefined)?.catch(() => {});
  }
}

/** A gap in words for whoever reads the stream. */
export function gapText({ message, from }: EventGap): string {
  return `${message}. Subscribe anew; what arrived from ${iso(from)} on is in the query events`;
}
