/**
 * Validates one native event and brings it into the log's form. It runs for every event of every
 * request, so the envelope is checked by hand; `event_schema.ts` says the same in zod, and a
 * property test holds the two equal.
 *
 * Decisions the contract leaves open:
 * - A field that is present with `null` is wrong, not absent: an id taken for absent would be made
 *   anew at each retry, and the event counted again.
 * - `user_id` and `game_id` may hold `/`. A studio may not, so the first `/` of `studio/user_id`
 *   is always the border.
 * - Lengths of ids are counted in UTF-16 code units.
 * - Envelope fields that have no meaning here are checked for hostile values, then dropped.
 *
 * @module
 */
import type { JsonObject, PlayerEvent } from "./event.ts";
import { findPayloadFault } from "./event_payloads.ts";
import { eventTypePattern } from "./event_schema.ts";
import { findHostileValue, isStorableText } from "./hostile_values.ts";
import { idText, isId } from "./ids.ts";
import { limits } from "./limits.ts";
import { pathStep, Rejection } from "./rejection.ts";
import { parseDateTime } from "./rfc3339.ts";

/** Who sends, when, and from which text. One per request. */
export interface EventScope {
  readonly studio: string;
  /** The games that may be written; `"*"` is any game of the studio. */
  readonly games: "*" | ReadonlySet<string>;
  /** Used when the event names no game. */
  readonly defaultGame?: string;
  /** Arrival, milliseconds since the Unix epoch. */
  readonly now: number;
  /** Makes an id for an event without one. */
  readonly newId: () => string;
  /** Bytes of the JSON text the event was in: an upper bound of its own size. @default unknown */
  readonly textBytes?: number;
}

type RawEvent = Readonly<Record<string, unknown>>;
const encoder = new TextEncoder();

/** Why `value` is no id. */
function idFault(name: string, value: unknown, charsMax: number): Rejection {
  const expected = idText(charsMax);
  if (value === undefined) return new Rejection("missing_field", name, expected, value);
  const illFormed = typeof value === "string" && !isStorableText(value);
  return new Rejection(illFormed ? "ill_formed_text" : "invalid_field", name, expected, value);
}

function typeFault(type: unknown): Rejection {
  const expected = "1 to 64 of the characters a-z 0-9 _ . : -";
  if (type === undefined) return new Rejection("missing_field", "event_type", expected, type);
  if (typeof type !== "string") return new Rejection("invalid_field", "event_type", expected, type);
  if (!isStorableText(type)) return new Rejection("ill_formed_text", "event_type", expected, type);
  return type.startsWith("$")
    ? new Rejection("reserved_type", "event_type", "without a leading $, kept for internals", type)
    : new Rejection("invalid_field", "event_type", expected, type);
}

/** The event time in milliseconds, or why it cannot be taken. */
function eventTime(value: unknown, now: number): number | Rejection {
  if (value === undefined) return now;
  const ms = typeof value === "string" ? parseDateTime(value) : NaN;
  if (ms >= now - limits.eventPastMsMax && ms <= now + limits.eventFutureMsMax) return ms;
  if (Number.isNaN(ms)) {
    const expected = "an RFC 3339 date-time such as 2026-01-01T12:00:00.000Z";
    return new Rejection("invalid_timestamp", "timestamp", expected, value);
  }
  return ms > now
    ? new Rejection("timestamp_in_future", "timestamp", "at most 24 h ahead", value)
    : new Rejection("timestamp_too_old", "timestamp", "at most 30 days back", value);
}

const isObject = (value: unknown): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** The first fault in `properties` or `context`. */
function objectFault(name: string, value: unknown): Rejection | undefined {
  if (!isObject(value)) return new Rejection("invalid_field", name, "a JSON object", value);
  let members = 0;
  for (const _ in value) members++;
  if (members <= limits.propertiesMax) return undefined;
  const expected = `an object of at most ${limits.propertiesMax} members`;
  return new Rejection("too_many_properties", name, expected, members);
}

/** Finds hostile values in everything but the ids, which are held to a stricter rule anyway. */
function hostileFault(raw: RawEvent): Rejection | undefined {
  for (const key in raw) {
    switch (key) {
      case "event_id":
      case "event_type":
      case "user_id":
      case "game_id":
      case "session_id":
      case "timestamp":
        continue;
      case "properties":
      case "context":
        break;
      default:
        if (!isStorableText(key)) {
          const expected = "named by text without NUL and lone surrogates";
          return new Rejection("ill_formed_text", pathStep(key), expected, key);
        }
    }
    const fault = findHostileValue(raw[key], key, 2);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

/** The event's own size; only asked when the text it came in was larger than one event may be. */
function sizeFault(raw: RawEvent): Rejection | undefined {
  const bytes = encoder.encode(JSON.stringify(raw)).length;
  if (bytes <= limits.eventBytesMax) return undefined;
  return new Rejection("too_large", "", `at most ${limits.eventBytesMax} bytes of JSON`, bytes);
}

function envelopeFault(raw: RawEvent): Rejection | undefined {
  const { event_id, event_type, user_id, session_id } = raw;
  if (typeof event_type !== "string" || !eventTypePattern.test(event_type)) {
    return typeFault(event_type);
  }
  if (!isId(user_id, limits.idCharsMax)) return idFault("user_id", user_id, limits.idCharsMax);
  if (event_id !== undefined && !isId(event_id, limits.eventIdCharsMax)) {
    return idFault("event_id", event_id, limits.eventIdCharsMax);
  }
  if (session_id !== undefined && !isId(session_id, limits.idCharsMax)) {
    return idFault("session_id", session_id, limits.idCharsMax);
  }
  return (raw.properties === undefined ? undefined : objectFault("properties", raw.properties)) ??
    (raw.context === undefined ? undefined : objectFault("context", raw.context));
}

/** The game the event belongs to, or why this sender may not write to it. */
function gameOf(raw: RawEvent, scope: EventScope): string | Rejection {
  const game = raw.game_id ?? (raw.game_id === undefined ? scope.defaultGame : null);
  if (!isId(game, limits.idCharsMax)) return idFault("game_id", game, limits.idCharsMax);
  if (scope.games === "*" || scope.games.has(game)) return game;
  return new Rejection("game_forbidden", "game_id", "a game that this key may write", game);
}

/**
 * Validates and normalises one event.
 *
 * @param raw one event as `JSON.parse` gave it
 * @returns the event as the log takes it, sharing `properties` and `context` with `raw`; or why not
 */
export function validateEvent(raw: unknown, scope: EventScope): PlayerEvent | Rejection {
  if (!isObject(raw)) return new Rejection("not_an_object", "", "a JSON object", raw);
  const fault = envelopeFault(raw) ?? hostileFault(raw);
  if (fault !== undefined) return fault;
  const game_id = gameOf(raw, scope);
  if (typeof game_id !== "string") return game_id;
  const timestamp = eventTime(raw.timestamp, scope.now);
  if (typeof timestamp !== "number") return timestamp;
  const checked = raw as unknown as Partial<PlayerEvent> & { event_type: string; user_id: string };
  const event: PlayerEvent = {
    studio: scope.studio,
    event_id: checked.event_id ?? scope.newId(),
    event_type: checked.event_type,
    user_id: checked.user_id,
    game_id,
    timestamp,
    properties: checked.properties ?? {},
    context: checked.context ?? {},
  };
  if (checked.session_id !== undefined) event.session_id = checked.session_id;
  const textBytes = scope.textBytes ?? Infinity;
  return findPayloadFault(event.event_type, event.properties) ??
    (textBytes > limits.eventBytesMax ? sizeFault(raw) : undefined) ?? event;
}
