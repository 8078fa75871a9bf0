/**
 * What the platform offers to the gateway. The gateway imports this file and nothing else of the
 * supervisor's.
 *
 * @module
 */
import type { DeadLetter, Json, JsonObject, PlayerEvent } from "../schema/event.ts";
import type { GameAnswers, GameQuery } from "../schema/queries/game_queries.ts";
import type { PlayerAnswers, PlayerQuery } from "../schema/queries/player_queries.ts";

/** Queries an actor of each kind answers, and the shape of each answer. */
export interface AskMap {
  player: { query: PlayerQuery; answers: PlayerAnswers };
  game: { query: GameQuery; answers: GameAnswers };
}
export type ActorKind = keyof AskMap;

/** The answer to query `Q` of kind `K`. */
export type Answer<K extends ActorKind, Q extends AskMap[K]["query"]> =
  AskMap[K]["answers"][Q["type"] & keyof AskMap[K]["answers"]];

/** An event as the store holds it. */
export interface RecordedEvent {
  readonly id: string;
  readonly type: string;
  readonly userId: string;
  readonly gameId: string;
  readonly sessionId: string | null;
  /** Milliseconds since the Unix epoch. */
  readonly timestamp: number;
  readonly receivedAt: number;
  readonly properties: JsonObject;
  readonly context: JsonObject;
  /** `partition:offset`. */
  readonly position: string;
}

export interface EventFilter {
  /** Pages have the events of his aliases, too; watches go by the id that an event came with. */
  readonly userId?: string;
  /** Pages, too, have only what came with `userId`. @default false */
  readonly exact?: boolean;
  readonly gameId?: string;
  readonly types?: readonly string[];
  /** On event time, milliseconds; `from` inclusive, `to` exclusive. */
  readonly from?: number;
  readonly to?: number;
}

export interface EventPage {
  readonly events: readonly { readonly cursor: string; readonly event: RecordedEvent }[];
  readonly hasNextPage: boolean;
  /** Of the text of their properties and contexts. */
  readonly bytes: number;
}

/** What a subscriber watches. A watch fires after the commit. */
export type Watch =
  | { readonly type: "actor"; readonly kind: ActorKind; readonly id: string }
  | { readonly type: "events"; readonly studio: string; readonly filter: EventFilter };

/** A part of the platform that `/health/ready` reports. */
export interface PartHealth {
  readonly part: string;
  readonly ready: boolean;
  /** Why it is not ready, fit for an operator. */
  readonly reason?: string;
  /** Ready, but without something: what is done instead, and why. */
  readonly degraded?: string;
}

export interface Platform {
  /**
   * Makes the events durable in the log.
   *
   * @throws {Unavailable} nothing was written
   * @throws {OutcomeUnknown} some may have been written; the same ids may be sent again
   */
  accept(events: readonly PlayerEvent[]): Promise<void>;

  /** Writes rejected input to `dlq.events`. */
  reject(letters: readonly DeadLetter[]): Promise<void>;

  /**
   * Asks a live actor; `null` when the platform has never seen it.
   * Player ids are `studio/user_id`, game ids `studio/game_id`.
   *
   * @param asOf arrival time in milliseconds: answers from the state at that time
   * @throws {Unavailable} its shard is not being served right now
   */
  ask<K extends ActorKind, Q extends AskMap[K]["query"]>(
    kind: K,
    id: string,
    query: Q,
    asOf?: number,
  ): Promise<Answer<K, Q> | null>;

  /**
   * Events of a studio from the store, newest first by (received, position). `after` is a cursor. A page
   * of large events may be shorter than `first` though another follows.
   *
   * @param isFresh no replica will do, which may be behind. @default false
   */
  events(
    studio: string,
    filter: EventFilter,
    first: number,
    after?: string,
    isFresh?: boolean,
  ): Promise<EventPage>;

  /**
   * Values as they are committed: for `actor` one `null` a change (coalesced), for `events` the
   * events. Ends when `signal` aborts. A slow reader loses the oldest queued, never blocks a shard:
   * where events were lost there is one `null`.
   */
  watch(watch: Watch, signal: AbortSignal): AsyncIterable<RecordedEvent | null>;

  health(): readonly PartHealth[];
}

export type { Json };
