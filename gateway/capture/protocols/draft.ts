/**
 * From foreign fields to the native event's: ids, times and texts as other protocols write them.
 *
 * Nothing here judges: what cannot be understood is handed on as it is, so that the one validation
 * of native events refuses it and its sender reads why.
 *
 * @module
 */
import { hash } from "node:crypto";
import { limits } from "../../../schema/limits.ts";
import { parseDateTime } from "../../../schema/rfc3339.ts";
import { Rejection } from "../../../schema/rejection.ts";

export type Fields = Readonly<Record<string, unknown>>;

/** A native event before its validation; fields of no value are left out. */
export interface Draft {
  event_id: string;
  event_type: unknown;
  user_id?: unknown;
  game_id?: unknown;
  session_id?: unknown;
  timestamp?: unknown;
  properties: Fields;
  context?: Fields;
}

export const isFields = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** An object, or an empty one in place of anything else. */
export const fieldsOf = (value: unknown): Fields => isFields(value) ? value : {};

/** The event as fields, or the refusal of what is no object. */
export const eventFields = (source: unknown): Fields | Rejection =>
  isFields(source) ? source : new Rejection("not_an_object", "", "a JSON object", source);

/** The own member `key`; never one of a prototype. */
export const own = (fields: Fields, key: string): unknown =>
  Object.hasOwn(fields, key) ? fields[key] : undefined;

/** The first of `keys` that is there and not empty. */
export function firstOf(fields: Fields, ...keys: readonly string[]): unknown {
  for (const key of keys) {
    const value = own(fields, key);
    if (value !== undefined && value !== null && value !== "") return value;
  }
  return undefined;
}

/** A copy without members that are `undefined` or `null`. */
export function present(fields: Fields): Fields {
  return Object.fromEntries(
    Object.entries(fields).filter(([, value]) => value !== undefined && value !== null),
  );
}

/** A draft without the members that have no value. */
export const complete = (draft: Draft): Draft =>
  present(draft as unknown as Fields) as unknown as Draft;

/** An id as text: numbers are written out, empty ones and `null` count as absent. */
export function idOf(value: unknown): unknown {
  if (typeof value === "number" && Number.isFinite(value)) return String(value);
  return value === null || value === "" ? undefined : value;
}

/** Text of at most `charsMax`, for context that is copied to each event of a request. */
export function shortText(
  value: unknown,
  charsMax: number = limits.idCharsMax,
): string | undefined {
  if (typeof value === "number" && Number.isFinite(value)) return String(value);
  return typeof value === "string" && value !== "" ? value.slice(0, charsMax) : undefined;
}

/** A finite number, also written as text; `undefined` for everything else. */
export function numberOf(value: unknown): number | undefined {
  if (typeof value === "string" && /^[+-]?\d{1,15}(\.\d{1,15})?$/.test(value.trim())) {
    return Number(value);
  }
  return typeof value === "number" && Number.isFinite(value) ? value : undefined;
}

const msOfYear9999 = Date.UTC(9999, 11, 31);
/** Smaller numbers are seconds: in milliseconds they would be before March 1973. */
const secondsMax = 1e11;

/** Milliseconds since the Unix epoch of an RFC 3339 text or of seconds or milliseconds; else NaN. */
export function momentOf(value: unknown): number {
  if (typeof value === "string" && !/^\d+(\.\d+)?$/.test(value)) return parseDateTime(value);
  const number = numberOf(value);
  if (number === undefined || number < 0) return NaN;
  return Math.trunc(number < secondsMax ? number * 1000 : number);
}

/**
 * A native timestamp. The client's clock is corrected by what it said when it sent: the event lies
 * as long before the arrival as it lay before the sending.
 *
 * @param sentAt when the request was sent, by the client's clock; without it nothing is corrected
 * @param now arrival, milliseconds
 * @returns RFC 3339, or `value` itself when it is no time
 */
export function timestampOf(value: unknown, sentAt: unknown, now: number): unknown {
  if (value === undefined || value === null || value === "") return undefined;
  const ms = momentOf(value);
  const sentMs = momentOf(sentAt);
  const corrected = Number.isNaN(sentMs) ? ms : ms + now - sentMs;
  // What is no time of the calendar is refused in the sender's own words.
  if (!(corrected >= 0 && corrected <= msOfYear9999)) return typeof value === "string" ? value : "";
  return new Date(corrected).toISOString();
}

// deno-lint-ignore no-control-regex -- no id may hold control characters: those that do are hashed
const controls = /[\u0000-\u001f\u007f-\u009f]/;

const sha = (text: string) => hash("sha256", text, "hex").slice(0, 40);

/**
 * Event ids of one request. The protocol's own message id is taken as it is where it fits; what has
 * none gets a hash of what a retry repeats, and equal ones of a request are numbered, so that two
 * shots in the same second count twice and their retry does not.
 */
export class EventIds {
  readonly #seen = new Map<string, number>();

  /** @param repeated what a retry repeats when there is no `messageId` */
  of(messageId: unknown, repeated: unknown): string {
    if (typeof messageId === "string" && messageId !== "") {
      const fits = messageId.length <= limits.eventIdCharsMax && !controls.test(messageId) &&
        messageId.isWellFormed();
      return fits ? messageId : sha(messageId.toWellFormed());
    }
    if (typeof messageId === "number" && Number.isFinite(messageId)) return String(messageId);
    const id = sha(JSON.stringify(repeated) ?? "");
    const count = (this.#seen.get(id) ?? 0) + 1;
    this.#seen.set(id, count);
    return count === 1 ? id : `${id}-${count}`;
  }
}
