/**
 * A {@link Platform} for the gateway's tests: it keeps accepted events in an array and answers
 * every question by folding them anew. Simple enough to be right at a glance; nothing is durable
 * and nothing is deduplicated.
 *
 * @module
 */
import { type DeadLetter, type PlayerEvent, playerId } from "../../schema/event.ts";
import { InvalidInput } from "../../schema/errors.ts";
import type { GameQuery } from "../../schema/queries/game_queries.ts";
import type { PlayerProfile } from "../../schema/queries/player_queries.ts";
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
  /** Each page of events that was answered. */
  readonly pages: { readonly first: number; readonly isFresh: boolean }[] = [];
  parts: PartHealth[] = [{ part: "log", ready: true }, { part: "store", ready: true }];
  /** Runs before an accept or a reject takes effect; throw or wait to play a failing log. */
  beforeWrite: () => Promise<void> | void = () => {};
  /** Runs before an ask is answered. */
  beforeAsk: () => Promise<void> | void = () => {};
  /** Who a player turned out to be: actor id → user id. Set it with {@link link}. */
  readonly #aliases = new Map<string, string>();
  readonly #watchers = new Set<Watcher>();

  constructor(readonly now: () => number = Date.now) {}

  /** Plays a reader of events that was too slow: it finds that some were lost. */
  loseEvents(): void {
    for (const { watch, queue, wake } of this.#watchers) {
      if (watch.type !== "events") continue;
      queue.splice(0, queue.length, null);
      wake();
    }
  }

  get watchers(): number {
    return this.#watchers.size;
  }

  /** Makes a player an alias of another, or (`undefined`) himself again. */
  link(studio: string, alias: string, userId: string | undefined): void {
    const touched = [alias, this.#aliases.get(`${studio}/${alias}`) ?? userId];
    if (userId === undefined) this.#aliases.delete(`${studio}/${alias}`);
    else this.#aliases.set(`${studio}/${alias}`, userId);
    for (const id of touched) {
      for (const watcher of this.#watchers) notifyActor(watcher, "player", `${studio}/${id}`);
    }
  }

  /** The event is of an alias of who the filter names, and passes in all else. */
  #isAliasOf(event: PlayerEvent, filter: EventFilter): boolean {
    const user = this.#aliases.get(playerId(event));
    return user !== undefined && user === filter.userId && filter.exact !== true &&
      passes({ ...filter, userId: event.user_id }, event);
  }

  /** A player's profile, or that of an alias, or `null`. */
  #profile(id: string, gameId: string | undefined, asOf: number): PlayerProfile | null {
    const [studio] = id.split("/", 1);
    const who = ({ event }: StoredEvent) => {
      const user = this.#aliases.get(playerId(event));
      return user === undefined ? playerId(event) : `${studio}/${user}`;
    };
    const stored = this.stored.filter(({ receivedAt }) => receivedAt <= asOf);
    const mergedInto = this.#aliases.get(id);
    const own = stored.filter((one) =>
      (mergedInto === undefined ? who(one) : playerId(one.event)) === id
    );
    const profile = foldProfile(own, gameId);
    if (profile === null) return null;
    const userId = id.slice(studio!.length + 1);
    if (mergedInto !== undefined) return { ...profile, id: userId, mergedInto };
    const aliases = [...this.#aliases].filter(([, user]) => user === userId)
      .map(([alias]) => alias.slice(studio!.length + 1)).sort();
    return { ...profile, id: userId, ...(aliases.length === 0 ? {} : { aliases }) };
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
    if (query.type === "profile") {
      return this.#profile(id, query.gameId, asOf) as Answer<K, Q> | null;
    }
    const events = this.stored.filter(({ event, receivedAt }) =>
      receivedAt <= asOf && gameKey(event) === id
    );
    if (events.length === 0) return null;
    const answer = answerOf(query, events, this.now());
    return answer as Answer<K, Q> | null;
  }

  events(
    studio: string,
    filter: EventFilter,
    first: number,
    after?: string,
    isFresh = false,
  ): Promise<EventPage> {
    if (first < 1) {
      return Promise.reject(new InvalidInput("invalid_field", "first must be from 1", "first"));
    }
    const before = after === undefined ? Infinity : Number(after);
    if (Number.isNaN(before)) {
      return Promise.reject(new InvalidInput("invalid_field", "after is no cursor", "after"));
    }
    const found = this.stored.toReversed().filter(({ event, offset }) =>
      event.studio === studio && offset < before &&
      (passes(filter, event) || this.#isAliasOf(event, filter))
    );
    const events = found.slice(0, first).map((stored) => ({
      cursor: String(stored.offset),
      event: recorded(stored),
    }));
    this.pages.push({ first, isFresh });
    const bytes = events.reduce((sum, { event }) => sum + textBytes(event), 0);
    return Promise.resolve({ events, hasNextPage: found.length > first, bytes });
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

const textBytes = ({ properties, context }: RecordedEvent) =>
  JSON.stringify(properties).length + JSON.stringify(context).length;

const gameKey = (event: PlayerEvent) => `${event.studio}/${event.game_id}`;

function answerOf(
  query: GameQuery,
  events: readonly StoredEvent[],
  now: number,
): unknown {
  switch (query.type) {
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
    notifyActor(watcher, watch.kind, watch.kind === "player" ? playerId(event) : gameKey(event));
  } else if (watch.studio === event.studio && passes(watch.filter, event)) {
    queue.push(recorded(stored));
  }
  watcher.wake();
}

function notifyActor({ watch, queue, wake }: Watcher, kind: ActorKind, id: string): void {
  if (watch.type !== "actor" || watch.kind !== kind || watch.id !== id) return;
  if (queue.length === 0) queue.push(null);
  wake();
}
