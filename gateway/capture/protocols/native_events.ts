/**
 * Event names as studios and other vendors' guides write them, brought to the native types, so that
 * metrics work whichever SDK sent them. Case and the separators between words do not matter.
 *
 * | names | native type | properties |
 * |---|---|---|
 * | order completed, purchase, in app purchase, transaction … | `purchase` | `amount` stays if there is no major one; else `revenue`, `total`, `value`, `price` × 10^digits of the currency; `currency` (USD if none); `item` |
 * | level start(ed), complete(d), end, up, fail(ed) | `level.start`, `.complete`, `.fail` | `level` as a number, a name that is none as `level_name`; `score`; `success: false` is a fail |
 * | earn, spend virtual currency; resource source, sink | `resource.source`, `.sink` | `currency`, `amount`, `item` |
 * | ad impression, viewed, click(ed) | `ad.impression`, `ad.click` | `placement`, `network` |
 * | error, exception, crash | `error` | `message`, `severity` |
 * | achievement unlocked | `achievement.unlock` | `achievement` |
 * | match started, ended | `match.start`, `.end` | `match_id`, `score` |
 * | session start(ed), end(ed), application opened | `session.start`, `.end` | |
 * | identify, alias | `identify`, `alias`, which link players | `anonymous_id`, `previous_id`: numbers as text |
 *
 * Any other name becomes a custom type: small letters, `_` for what a type may not hold; what was
 * lost by that is told apart by a hash at its end, and stands in `event_name`.
 *
 * @module
 */
import { fingerprintHex } from "../../../schema/hash.ts";
import { type Fields, firstOf, idOf, numberOf, own, shortText } from "./draft.ts";

/** The type and properties of a native event. */
export interface NativeParts {
  readonly event_type: string;
  readonly properties: Fields;
}

type Shape = (given: Fields) => Fields;

/** Digits after the point of a currency, by ISO 4217 as the runtime knows it. */
const digitsOf = new Map<string, number>();

function minorDigits(currency: string): number {
  const known = digitsOf.get(currency);
  if (known !== undefined) return known;
  if (!/^[A-Z]{3}$/.test(currency)) return 2;
  const { maximumFractionDigits = 2 } = new Intl.NumberFormat("en", { style: "currency", currency })
    .resolvedOptions();
  digitsOf.set(currency, maximumFractionDigits);
  return maximumFractionDigits;
}

/** Minor units of an amount in major ones: 4.99 USD is 499. */
export function minorUnits(major: number, currency: string): number {
  return Math.round(Number((major * 10 ** minorDigits(currency)).toPrecision(15)));
}

function itemOf(given: Fields): string | undefined {
  const products = own(given, "products");
  const first = Array.isArray(products) ? products[0] : undefined;
  const inner = typeof first === "object" && first !== null ? first as Fields : {};
  const names = ["item", "item_id", "product_id", "sku", "item_name", "name"] as const;
  return shortText(firstOf(given, ...names) ?? firstOf(inner, ...names));
}

/** Sets members; one that is `undefined` is taken away. */
function withMembers(given: Fields, members: Fields): Fields {
  const all = { ...given, ...members };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
}

const purchase: Shape = (given) => {
  const named = own(given, "currency");
  const currency = typeof named === "string" ? named.trim().toUpperCase() : named;
  const major = numberOf(firstOf(given, "revenue", "total", "value", "price"));
  const item = itemOf(given);
  if (own(given, "amount") !== undefined || major === undefined) {
    return withMembers(given, { ...(currency === undefined ? {} : { currency }), item });
  }
  const unit = typeof currency === "string" && currency !== "" ? currency : "USD";
  return withMembers(given, { amount: minorUnits(major, unit), currency: unit, item });
};

/** `level` must be a number; the name of a level moves to `level_name`. */
const level: Shape = (given) => {
  const named = firstOf(given, "level", "level_number", "level_name");
  const number = numberOf(named) ?? trailingNumber(named);
  const score = numberOf(own(given, "score"));
  const isCount = number !== undefined && Number.isSafeInteger(number) && number >= 0;
  const name = typeof named === "string" ? named : undefined;
  return withMembers(given, {
    level: isCount ? number : undefined,
    score,
    ...(name === undefined || numberOf(name) !== undefined ? {} : { level_name: name }),
  });
};

/** The number at the end of a name, 12 of `world01:level12`. */
export function trailingNumber(name: unknown): number | undefined {
  if (typeof name !== "string") return undefined;
  const digits = /(\d{1,9})\D{0,40}$/.exec(name.slice(-64))?.[1];
  return digits === undefined ? undefined : Number(digits);
}

const resource: Shape = (given) => {
  const amount = numberOf(firstOf(given, "amount", "value"));
  return withMembers(given, {
    currency: shortText(firstOf(given, "virtual_currency_name", "currency")),
    amount: amount === undefined ? undefined : Math.abs(amount),
    item: itemOf(given),
  });
};

const advert: Shape = (given) =>
  withMembers(given, {
    placement: shortText(firstOf(given, "placement", "ad_placement", "ad_unit_name")),
    network: shortText(firstOf(given, "network", "ad_network", "ad_source", "ad_platform")),
  });

const fault: Shape = (given) =>
  withMembers(given, {
    message: shortText(firstOf(given, "message", "description", "error"), 8192),
    severity: shortText(own(given, "severity")),
  });

const achievement: Shape = (given) =>
  withMembers(given, { achievement: shortText(firstOf(given, "achievement", "achievement_id")) });

const match: Shape = (given) =>
  withMembers(given, {
    match_id: shortText(own(given, "match_id")),
    score: numberOf(own(given, "score")),
  });

const session: Shape = (given) => given;

const identify: Shape = (given) =>
  withMembers(given, { anonymous_id: idOf(own(given, "anonymous_id")) });

const alias: Shape = (given) =>
  withMembers(given, { previous_id: idOf(own(given, "previous_id")) });

/** The types whose properties have a form, with what brings them into it. */
const shapes = new Map<string, Shape>([
  ["purchase", purchase],
  ["level.start", level],
  ["level.complete", level],
  ["level.fail", level],
  ["resource.source", resource],
  ["resource.sink", resource],
  ["ad.impression", advert],
  ["ad.click", advert],
  ["error", fault],
  ["achievement.unlock", achievement],
  ["match.start", match],
  ["match.end", match],
  ["session.start", session],
  ["session.end", session],
  ["identify", identify],
  ["alias", alias],
]);

const names: Readonly<Record<string, string>> = {
  "purchase":
    "purchase purchased order_completed in_app_purchase iap product_purchased item_purchased " +
    "transaction payment",
  "level.start": "level_start level_started start_level",
  "level.complete": "level_complete level_completed level_end level_ended level_up complete_level",
  "level.fail": "level_fail level_failed fail_level",
  "resource.source": "resource_source earn_virtual_currency virtual_currency_earned",
  "resource.sink": "resource_sink spend_virtual_currency virtual_currency_spent",
  "ad.impression": "ad_impression ad_viewed ad_view ad_shown ad_show",
  "ad.click": "ad_click ad_clicked",
  "error": "error exception crash application_crashed",
  "achievement.unlock": "achievement_unlock achievement_unlocked unlock_achievement",
  "match.start": "match_start match_started",
  "match.end": "match_end match_ended match_completed",
  "session.start": "session_start session_started application_opened",
  "session.end": "session_end session_ended",
  "identify": "identify",
  "alias": "alias",
};

const typeOfName: ReadonlyMap<string, string> = new Map(
  Object.entries(names).flatMap(([type, list]) => list.split(" ").map((name) => [name, type])),
);

const typeCharsMax = 64;

/** A name as a type; `wasChanged` when two names may have become the same type. */
function typeText(name: string): { readonly text: string; readonly wasChanged: boolean } {
  const words = name.trim().replace(/^\$+/, "").replace(/([a-z0-9])([A-Z])/g, "$1_$2");
  const small = words.toLowerCase().replace(/\s+/g, "_");
  const text = small.replace(/[^a-z0-9_.:-]+/g, "_");
  return { text, wasChanged: text !== small || text.length > typeCharsMax || text === "" };
}

/**
 * The native event of a name and its properties. It never throws.
 *
 * @param name as the client wrote it; what is no text, or empty, is refused by the validation
 */
export function nativeEvent(name: unknown, properties: Fields): NativeParts {
  if (typeof name !== "string" || name === "") {
    return { event_type: name as string, properties };
  }
  const { text, wasChanged } = typeText(name.slice(0, 1024));
  const type = typeOfName.get(text.replace(/[.:-]/g, "_"));
  if (type !== undefined) return shaped(nativeType(type, properties), properties);
  if (!wasChanged) return { event_type: text, properties };
  const suffix = `_${fingerprintHex(name)}`;
  const event_type = text.slice(0, typeCharsMax - suffix.length) + suffix;
  return {
    event_type,
    properties: { ...properties, event_name: name.slice(0, 256).toWellFormed() },
  };
}

function nativeType(type: string, properties: Fields): string {
  const hasFailed = type === "level.complete" && own(properties, "success") === false;
  return hasFailed ? "level.fail" : type;
}

/** A native type with its properties in the form that the type wants. */
export function shaped(event_type: string, properties: Fields): NativeParts {
  const shape = shapes.get(event_type);
  return { event_type, properties: shape === undefined ? properties : shape(properties) };
}
