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

export class Watches {
  readonly #watches = new Map<number, WorkerWatch>();

  add(watch: WorkerWatch): void {
    this.#watches.set(watch.id, watch);
  }

  remove(id: number): void {
    this.#watches.delete(id);
  }

  /** What each watch sees in a commit; watches that see nothing are left out. */
  match(batch: CommitBatch, touched: readonly string[]): Fired[] {
    if (this.#watches.size === 0) return [];
    const fired: Fired[] = [];
    const actors = new Set(touched);
    let events: [PlayerEvent, JournalRow][] | undefined;
    for (const watch of this.#watches.values()) {
      if (watch.type === "actor") {
        if (watch.stage === batch.stage && actors.has(watch.actorId)) {
          fired.push({ id: watch.id, events: null });
        }
        continue;
      }
      events ??= batch.rows.map((row) => [JSON.parse(row.value) as PlayerEvent, row]);
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
