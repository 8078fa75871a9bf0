/**
 * Matches commits against what subscribers watch, inside the worker, so that only what somebody
 * waits for crosses to the main thread.
 *
 * @module
 */
import { isInternal, type PlayerEvent } from "../../schema/event.ts";
import type { EventFilter, RecordedEvent } from "../platform.ts";
import type { CommitBatch, JournalRow } from "../store/store.ts";
import type { Fired, WorkerWatch } from "./worker_protocol.ts";

/** True when an event of the studio passes the filter. */
export function matches(event: PlayerEvent, filter: EventFilter): boolean {
  return (filter.userId === undefined || event.user_id === filter.userId) &&
    (filter.gameId === undefined || event.game_id === filter.gameId) &&
    (filter.types === undefined || filter.types.includes(event.event_type)) &&
    (filter.from === undefined || event.timestamp >= filter.from) &&
    (filter.to === undefined || event.timestamp < filter.to);
}

function recorded(event: PlayerEvent, row: JournalRow, partition: number): RecordedEvent {
  return {
    id: event.event_id,
    type: event.event_type,
    userId: event.user_id,
    gameId: event.game_id,
    sessionId: event.session_id ?? null,
    timestamp: event.timestamp,
    receivedAt: row.receivedAt,
    properties: event.properties,
    context: event.context,
    position: `${partition}:${row.offset}`,
  };
}

/** Watches of one studio's events: those of one user are looked up by him, the others looked at. */
interface StudioWatches {
  readonly all: Map<number, EventsWatch>;
  readonly users: Map<string, Map<number, EventsWatch>>;
}

type ActorWatch = Extract<WorkerWatch, { type: "actor" }>;
type EventsWatch = Extract<WorkerWatch, { type: "events" }>;

export class Watches {
  readonly #watches = new Map<number, WorkerWatch>();
  /** By `stage/actor`: a commit looks for the actors that it touched, not at every watch. */
  readonly #actors = new Map<string, Map<number, ActorWatch>>();
  /** By studio. */
  readonly #events = new Map<string, StudioWatches>();

  add(watch: WorkerWatch): void {
    this.#watches.set(watch.id, watch);
    if (watch.type === "events") return this.#addEvents(watch);
    const key = `${watch.stage}/${watch.actorId}`;
    const ofActor = this.#actors.get(key) ?? new Map();
    this.#actors.set(key, ofActor.set(watch.id, watch));
  }

  remove(id: number): void {
    const watch = this.#watches.get(id);
    this.#watches.delete(id);
    if (watch?.type === "events") return this.#removeEvents(watch);
    if (watch === undefined) return;
    const key = `${watch.stage}/${watch.actorId}`;
    const ofActor = this.#actors.get(key);
    ofActor?.delete(id);
    if (ofActor?.size === 0) this.#actors.delete(key);
  }

  #addEvents(watch: EventsWatch): void {
    const { studio, filter: { userId } } = watch;
    let own = this.#events.get(studio);
    if (own === undefined) this.#events.set(studio, own = { all: new Map(), users: new Map() });
    if (userId === undefined) return void own.all.set(watch.id, watch);
    const ofUser = own.users.get(userId) ?? new Map();
    own.users.set(userId, ofUser.set(watch.id, watch));
  }

  #removeEvents({ id, studio, filter: { userId } }: EventsWatch): void {
    const { all, users } = this.#events.get(studio)!;
    if (userId === undefined) all.delete(id);
    else {
      users.get(userId)!.delete(id);
      if (users.get(userId)!.size === 0) users.delete(userId);
    }
    if (all.size + users.size === 0) this.#events.delete(studio);
  }

  /** What each watch sees in a commit; watches that see nothing are left out. */
  match(batch: CommitBatch, touched: readonly string[]): Fired[] {
    if (this.#watches.size === 0) return [];
    const fired: Fired[] = [];
    for (const actorId of this.#actors.size === 0 ? [] : touched) {
      for (const id of this.#actors.get(`${batch.stage}/${actorId}`)?.keys() ?? []) {
        fired.push({ id, events: null });
      }
    }
    if (this.#events.size === 0) return fired;
    return fired.concat(this.#matchEvents(batch));
  }

  #matchEvents({ rows, partition }: CommitBatch): Fired[] {
    const found = new Map<number, { events: RecordedEvent[]; chars: number[] }>();
    for (const row of rows) {
      const event = JSON.parse(row.value) as PlayerEvent;
      const own = this.#events.get(event.studio);
      if (own === undefined || isInternal(event)) continue;
      let shown: RecordedEvent | undefined;
      for (const watches of [own.all, own.users.get(event.user_id)]) {
        for (const { id, filter } of watches?.values() ?? []) {
          if (!matches(event, filter)) continue;
          let seen = found.get(id);
          if (seen === undefined) found.set(id, seen = { events: [], chars: [] });
          seen.events.push(shown ??= recorded(event, row, partition));
          seen.chars.push(row.value.length);
        }
      }
    }
    return Array.from(found, ([id, seen]) => ({ id, ...seen }));
  }
}
