/**
 * A {@link Platform} for the gateway's tests: it keeps accepted events in an array and answers
 * every question by folding them anew. Simple enough to be right at a glance; nothing is durable
 * and nothing is deduplicated.
 *
 * @module
 */
import { type DeadLetter, type PlayerEvent, playerId } from "../../schema/event.ts";
import { InvalidInput } from "../../schema/errors.ts";
import type {
  ActorKind,
  Answer,
  AskMap,
  EventFilter,
  EventPage,
  PartHealth,
  Platform,
  RecordedEvent,
  Watch,
} from "../../supervisor/platform.ts";
import { foldDays, foldLeaderboard, foldProfile, foldTotals } from "./folds.ts";

/** An accepted event with its place in the platform's order. */
export interface StoredEvent {
  readonly event: PlayerEvent;
  readonly receivedAt: number;
  readonly offset: number;
}

interface Watcher {
  readonly watch: Watch;
  readonly queue: (RecordedEvent | null)[];
  wake: () => void;
}

export class InMemoryPlatform implements Platform {
  readonly stored: StoredEvent[] = [];
  readonly deadLetters: DeadLetter[] = [];
  /** Each `ask`, as `kind id type`. */
  readonly asked: string[] = [];
  parts: PartHealth[] = [{ part: "log", ready: true }, { part: "store", ready: true }];
  /** Runs before an accept or a reject takes effect; throw or wait to play a failing log. */
  beforeWrite: () => Promise<void> | void = () => {};
  /** Runs before an ask is answered. */
  beforeAsk: () => Promise<void> | void = () => {};
  readonly #watchers = new Set<Watcher>();

  constructor(readonly now: () => number = Date.now) {}

  get watchers(): number {
    return this.#watchers.size;
  }

  async accept(events: readonly PlayerEvent[]): Promise<void> {
    await this.beforeWrite();
    for (const event of events) {
      const stored = { event, receivedAt: this.now(), offset: this.stored.length };
      this.stored.push(stored);
      for (const watcher of this.#watchers) notify(watcher, stored);
    }
  }

  async reject(letters: readonly DeadLetter[]): Promise<void> {
    await this.beforeWrite();
    this.deadLetters.push(...letters);
  }

  async ask<K extends ActorKind, Q extends AskMap[K]["query"]>(
    kind: K,
    id: string,
    query: Q,
    asOf = Infinity,
  ): Promise<Answer<K, Q> | null> {
    this.asked.push(`${kind} ${id} ${query.type}`);
    await this.beforeAsk();
    const events = this.stored.filter(({ event, receivedAt }) =>
      receivedAt <= asOf && (kind === "player" ? playerId(event) : gameKey(event)) === id
    );
    if (events.length === 0) return null;
    const answer = answerOf(query, events, this.now());
    return answer as Answer<K, Q> | null;
  }

  events(studio: string, filter: EventFilter, first: number, after?: string): Promise<EventPage> {
    const before = after === undefined ? Infinity : Number(after);
    if (Number.isNaN(before)) {
      return Promise.reject(new InvalidInput("invalid_field", "after is no cursor", "after"));
    }
    const found = this.stored.toReversed().filter(({ event, offset }) =>
      event.studio === studio && offset < before && passes(filter, event)
    );
    const events = found.slice(0, first).map((stored) => ({
      cursor: String(stored.offset),
      event: recorded(stored),
    }));
    return Promise.resolve({ events, hasNextPage: found.length > first });
  }

  async *watch(watch: Watch, signal: AbortSignal): AsyncGenerator<RecordedEvent | null> {
    const watcher: Watcher = { watch, queue: [], wake: () => {} };
    const wake = () => watcher.wake();
    this.#watchers.add(watcher);
    signal.addEventListener("abort", wake);
    try {
      while (!signal.aborted) {
        if (watcher.queue.length > 0) yield watcher.queue.shift()!;
        else await new Promise<void>((resolve) => watcher.wake = resolve);
      }
    } finally {
      signal.removeEventListener("abort", wake);
      this.#watchers.delete(watcher);
    }
  }

  health(): readonly PartHealth[] {
    return this.parts;
  }
}

const gameKey = (event: PlayerEvent) => `${event.studio}/${event.game_id}`;

function answerOf(
  query: AskMap[ActorKind]["query"],
  events: readonly StoredEvent[],
  now: number,
): unknown {
  switch (query.type) {
    case "profile":
      return foldProfile(events, query.gameId);
    case "totals":
      return foldTotals(events, now);
    case "days":
      return foldDays(events, query.from, query.to);
    case "leaderboard":
      return foldLeaderboard(events, query.first, query.offset);
  }
}

function recorded({ event, receivedAt, offset }: StoredEvent): RecordedEvent {
  return {
    id: event.event_id,
    type: event.event_type,
    userId: event.user_id,
    gameId: event.game_id,
    sessionId: event.session_id ?? null,
    timestamp: event.timestamp,
    receivedAt,
    properties: event.properties,
    context: event.context,
    position: `0:${offset}`,
  };
}

function passes(filter: EventFilter, event: PlayerEvent): boolean {
  return (filter.userId === undefined || filter.userId === event.user_id) &&
    (filter.gameId === undefined || filter.gameId === event.game_id) &&
    (filter.types === undefined || filter.types.includes(event.event_type)) &&
    (filter.from === undefined || event.timestamp >= filter.from) &&
    (filter.to === undefined || event.timestamp < filter.to);
}

function notify(watcher: Watcher, stored: StoredEvent): void {
  const { watch, queue } = watcher;
  const { event } = stored;
  if (watch.type === "actor") {
    const id = watch.kind === "player" ? playerId(event) : gameKey(event);
    if (id === watch.id && queue.length === 0) queue.push(null);
  } else if (watch.studio === event.studio && passes(watch.filter, event)) {
    queue.push(recorded(stored));
  }
  watcher.wake();
}
