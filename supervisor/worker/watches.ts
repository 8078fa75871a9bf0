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

type ActorWatch = Extract<WorkerWatch, { type: "actor" }>;
type EventsWatch = Extract<WorkerWatch, { type: "events" }>;

export class Watches {
  readonly #watches = new Map<number, WorkerWatch>();
  /** By `stage/actor`: a commit looks for the actors that it touched, not at every watch. */
  readonly #actors = new Map<string, Map<number, ActorWatch>>();
  readonly #events = new Map<number, EventsWatch>();

  add(watch: WorkerWatch): void {
    this.#watches.set(watch.id, watch);
    if (watch.type === "events") return void this.#events.set(watch.id, watch);
    const key = `${watch.stage}/${watch.actorId}`;
    const ofActor = this.#actors.get(key) ?? new Map();
    this.#actors.set(key, ofActor.set(watch.id, watch));
  }

  remove(id: number): void {
    const watch = this.#watches.get(id);
    this.#watches.delete(id);
    this.#events.delete(id);
    if (watch?.type !== "actor") return;
    const key = `${watch.stage}/${watch.actorId}`;
    const ofActor = this.#actors.get(key);
    ofActor?.delete(id);
    if (ofActor?.size === 0) this.#actors.delete(key);
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
    const events = batch.rows.map((row) => [JSON.parse(row.value) as PlayerEvent, row] as const);
    for (const watch of this.#events.values()) {
      const seen = events.filter(([event]) =>
        event.studio === watch.studio && !isInternal(event) && matches(event, watch.filter)
      );
      if (seen.length === 0) continue;
      const found = seen.map(([event, row]) => recorded(event, row, batch.partition));
      fired.push({ id: watch.id, events: found });
    }
    return fired;
  }
}
