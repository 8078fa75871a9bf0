/**
 * The properties of the known event types. One table says it; the hot path's checks and the zod
 * schemas are both made from it, so they cannot drift apart. Properties it does not name pass.
 *
 * Two of them link players: `alias` with `previous_id`, and `identify` with `anonymous_id`. What that
 * id's player did is `user_id`'s from then on, so both are held to what a user id may be. An id that
 * equals `user_id` links nobody, and neither does an event without one.
 *
 * @module
 */
import { z } from "zod";
import type { JsonObject } from "./event.ts";
import { isSafeNumber } from "./hostile_values.ts";
import { idSchema, idText, isUserId } from "./ids.ts";
import { limits } from "./limits.ts";
import { Rejection } from "./rejection.ts";

/** A kind of value: the same rule as code, as zod and in words. */
interface Kind {
  readonly accepts: (value: unknown) => boolean;
  readonly zod: z.ZodType;
  readonly expected: string;
}

const text: Kind = {
  accepts: (value) => typeof value === "string",
  zod: z.string(),
  expected: "a string",
};

const number: Kind = {
  accepts: (value) => typeof value === "number" && isSafeNumber(value),
  zod: z.number().min(-Number.MAX_SAFE_INTEGER).max(Number.MAX_SAFE_INTEGER),
  expected: "a number",
};

const count: Kind = {
  accepts: (value) => Number.isSafeInteger(value) && (value as number) >= 0,
  zod: z.int().min(0),
  expected: "an integer, 0 or more",
};

const quantity: Kind = {
  accepts: (value) => typeof value === "number" && isSafeNumber(value) && value >= 0,
  zod: z.number().min(0).max(Number.MAX_SAFE_INTEGER),
  expected: "a number, 0 or more",
};

const minorUnits: Kind = {
  ...count,
  expected: "an integer of minor units (499 for 4.99), 0 or more",
};

const currencyPattern = /^[A-Z]{3}$/;
const currency: Kind = {
  accepts: (value) => typeof value === "string" && currencyPattern.test(value),
  zod: z.string().regex(currencyPattern),
  expected: "an ISO 4217 code of three capital letters such as EUR",
};

const userId: Kind = {
  accepts: isUserId,
  zod: idSchema(limits.idCharsMax),
  expected: `a user id: ${idText(limits.idCharsMax)}`,
};

interface Field {
  readonly name: string;
  readonly kind: Kind;
  readonly required: boolean;
}
const must = (name: string, kind: Kind): Field => ({ name, kind, required: true });
const may = (name: string, kind: Kind): Field => ({ name, kind, required: false });

const level = [may("level", count), may("score", number)];
const match = [may("match_id", text), may("score", number)];
const resource = [may("currency", text), may("amount", quantity), may("item", text)];
const advert = [may("placement", text), may("network", text)];

/** The known types. A type that is not here is custom, and its properties are free. */
const fieldsOf: Readonly<Record<string, readonly Field[]>> = {
  "session.start": [],
  "session.end": [],
  "level.start": level,
  "level.complete": level,
  "level.fail": level,
  "match.start": match,
  "match.end": match,
  "purchase": [must("amount", minorUnits), must("currency", currency), may("item", text)],
  "resource.source": resource,
  "resource.sink": resource,
  "achievement.unlock": [may("achievement", text)],
  "ad.impression": advert,
  "ad.click": advert,
  "error": [may("message", text), may("severity", text)],
  "identify": [may("anonymous_id", userId)],
  "alias": [may("previous_id", userId)],
};

const fieldsByType: ReadonlyMap<string, readonly Field[]> = new Map(
  Object.entries(fieldsOf).filter(([, fields]) => fields.length > 0),
);

function schemaOf(fields: readonly Field[]): z.ZodObject {
  return z.looseObject(Object.fromEntries(
    fields.map(({ name, kind, required }) => [name, required ? kind.zod : kind.zod.optional()]),
  ));
}

/** zod schemas of `properties`, by known event type. */
export const payloadSchemas: Readonly<Record<string, z.ZodObject>> = Object.fromEntries(
  Object.entries(fieldsOf).map(([type, fields]) => [type, schemaOf(fields)]),
);

/** The first fault in the properties of a known type; `undefined` when there is none. */
export function findPayloadFault(type: string, properties: JsonObject): Rejection | undefined {
  const fields = fieldsByType.get(type);
  if (fields === undefined) return undefined;
  for (const { name, kind, required } of fields) {
    const value = Object.hasOwn(properties, name) ? properties[name] : undefined;
    if (value === undefined ? !required : kind.accepts(value)) continue;
    const code = value === undefined ? "missing_field" : "invalid_field";
    return new Rejection(code, `properties.${name}`, kind.expected, value);
  }
  return undefined;
}
