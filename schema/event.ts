/**
 * The event, in the one form it has from the gateway to the journal. Names are those of the wire
 * (`snake_case`), so that the bytes the gateway wrote are the bytes the journal receives.
 *
 * @module
 */
import { remembered } from "./memory/remembered.ts";

/** Values that JSON can carry. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
export type JsonObject = { [key: string]: Json };

/** A validated, normalised event: the value of a record in `player.events.raw`. */
export interface PlayerEvent {
  /** The tenant; from the key, never from the client. */
  studio: string;
  /** Idempotency key within one player; made by the gateway when the client gave none. */
  event_id: string;
  /** `level.complete`, `purchase` …; a leading `$` is reserved for internal events. */
  event_type: string;
  user_id: string;
  game_id: string;
  session_id?: string;
  /** Event time, milliseconds since the Unix epoch, UTC. */
  timestamp: number;
  properties: JsonObject;
  context: JsonObject;
}

/** Internal events enter through the log too; clients cannot name these types. */
export const internalType = {
  /** A durable timer came due. `properties: { name, due_at }`. */
  timer: "$timer",
  /** A watched actor stands still. `properties: { kind, actor_id, reason, since }`, milliseconds. */
  down: "$down",
  // One player turned out to be another; `actors/player/merge/messages.ts` says what they carry.
  /** Asks a player to become an alias of another. */
  merge: "$merge",
  /** He will not, and why; or not now. */
  refused: "$refused",
  /** He could now. */
  free: "$free",
  /** He has become one: all that he has goes to the other. */
  absorb: "$absorb",
  /** An event that came to an alias goes on to who he is; or back, as he is no alias any more. */
  forward: "$forward",
  /** An operator takes a merge back. To the player that has the alias: `properties: { alias }`. */
  unmerge: "$unmerge",
  /** What was an alias is a player of its own again. */
  restore: "$restore",
} as const;

/** True for events that the platform wrote itself. */
export function isInternal(event: { readonly event_type: string }): boolean {
  return event.event_type.charCodeAt(0) === 0x24;
}

/** The id of a player's actor and the Kafka key of its events. */
export function playerId(event: { readonly studio: string; readonly user_id: string }): string {
  return `${event.studio}/${event.user_id}`;
}

const gamesOf = remembered((studio) => remembered((gameId) => `${studio}/${gameId}`, 256), 32);

/**
 * The id of a game's actor, the same string for the same game: one that is made anew for each event is
 * joined and hashed anew wherever it is looked up.
 */
export function gameActorId(studio: string, gameId: string): string {
  return gamesOf(studio)(gameId);
}

/** The UTC day of a timestamp as days since the Unix epoch. */
export function dayOf(timestampMs: number): number {
  return Math.floor(timestampMs / 86_400_000);
}

/** `2026-01-31` of a day number. */
export function dayText(day: number): string {
  return new Date(day * 86_400_000).toISOString().slice(0, 10);
}

/** What `dlq.events` holds: who failed, why, and what can be replayed. */
export interface DeadLetter {
  studio: string;
  /** `gateway` for rejected input, else the stage that could not apply the event. */
  source: string;
  code: string;
  message: string;
  path?: string;
  /** The input as text, cut at `deadLetterPayloadBytesMax`. */
  payload: string;
  /** Set when a stage parked the event: replayable as it is. */
  event?: PlayerEvent;
  /** The actor's state before the event, its position and the behaviour's version: a poison bundle. */
  actor?: { id: string; state: Json; position: string; version: number };
}
