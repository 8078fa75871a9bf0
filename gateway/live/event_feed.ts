/**
 * Events of a studio as they are committed, and before them those that somebody missed who was away.
 *
 * @module
 */
import { limits } from "../../schema/limits.ts";
import type { PageLease } from "../limits/page_budget.ts";
import type { EventFilter, EventPage, Platform, RecordedEvent } from "../../supervisor/platform.ts";

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
  /** Called before each page after the first; what it throws ends the stream. @default does nothing */
  readonly beforePage?: () => void;
  /** What the stream holds of pages. @default they are not counted */
  readonly pages?: Pick<PageLease, "page" | "drop">;
  /** How long the reader may take for a page, milliseconds. @default limits.eventPagesHoldMs */
  readonly holdMs?: number;
}

const iso = (ms: number) => new Date(ms).toISOString();

/** `partition:offset`, as numbers. */
function placeOf({ position }: RecordedEvent): [partition: number, offset: number] {
  const [partition, offset] = position.split(":");
  return [Number(partition), Number(offset)];
}

type Read = (after: string | undefined) => Promise<EventPage>;

/** The events of a page that arrived since, oldest first. Nothing else of the page is kept. */
const oldestFirst = (events: EventPage["events"], since: number): RecordedEvent[] =>
  events.map(({ event }) => event).filter(({ receivedAt }) => receivedAt >= since).reverse();

/**
 * What arrived since, oldest first, page by page. Pages come newest first, so the newer ones are read
 * twice: held all together they would be tens of megabytes for a reader who takes his time.
 *
 * @throws {EventGap} it is more than is told again
 */
async function* missed(
  read: Read,
  since: number,
  drop: () => void,
): AsyncGenerator<RecordedEvent[]> {
  /** After what each page that follows the first one begins. */
  const borders: string[] = [];
  const oldest = async () => {
    for (;;) {
      const page = await read(borders.at(-1));
      const isLast = !page.hasNextPage || page.events.at(-1)!.event.receivedAt < since;
      if (isLast) return oldestFirst(page.events, since);
      if (borders.length + 1 >= limits.resumePagesMax) {
        const message = `More than ${limits.resumePagesMax} pages of events arrived since`;
        throw new EventGap(message, since);
      }
      borders.push(page.events.at(-1)!.cursor);
      drop();
    }
  };
  yield await oldest();
  while (borders.length > 0) {
    const to = borders.pop()!;
    yield oldestFirst(await between(read, borders.at(-1), to), -Infinity);
  }
}

/** Tells events one by one, and keeps them for so long only: whoever does not read must not hold them. */
async function* inTime(
  events: RecordedEvent[],
  holdMs: number,
  drop: () => void,
): AsyncGenerator<RecordedEvent> {
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    events.length = 0;
    drop();
  }, holdMs);
  let last = 0;
  try {
    for (let i = 0; i < events.length; i++) {
      last = events[i]!.receivedAt;
      yield events[i]!;
    }
    if (isLate) throw new EventGap("You read too slowly: events were left out", last);
  } finally {
    clearTimeout(timer);
    drop();
  }
}

/** Newest first what follows `after`, down to the event whose cursor is `to`. */
async function between(read: Read, after: string | undefined, to: string) {
  const found: EventPage["events"][number][] = [];
  for (;;) {
    const page = await read(found.at(-1)?.cursor ?? after);
    // What was committed late in between has moved the page's end.
    const end = page.events.findIndex(({ cursor }) => cursor === to);
    found.push(...(end < 0 ? page.events : page.events.slice(0, end + 1)));
    if (end >= 0 || !page.hasNextPage) return found;
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
  const { since, now = Date.now, settleMs = limits.resumeSettleMs, beforePage } = options;
  const { pages: held, holdMs = limits.eventPagesHoldMs } = options;
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
      // By the id that an event came with, as the live ones are.
      const exact = { ...filter, exact: true };
      let pages = 0;
      const read: Read = (after) => {
        if (pages++ > 0) beforePage?.();
        const { pageSizeMax } = limits;
        const page = () => platform.events(studio, exact, pageSizeMax, after, true);
        return held === undefined ? page() : held.page(pageSizeMax, page);
      };
      const drop = () => held?.drop();
      for await (const events of missed(read, since - limits.resumeSlackMs, drop)) {
        for await (const event of inTime(events, holdMs, drop)) {
          if (signal.aborted) return;
          told.set(...placeOf(event));
          arrivedAt = event.receivedAt;
          yield event;
        }
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
    held?.drop();
    // Not awaited: while a value is being waited for it returns only when the signal aborts.
    live.return?.(undefined)?.catch(() => {});
  }
}

/** A gap in words for whoever reads the stream. */
export function gapText({ message, from }: EventGap): string {
  return `${message}. Subscribe anew; what arrived from ${iso(from)} on is in the query events`;
}
