import assert from "node:assert/strict";
import fc from "fast-check";
import { payloadSchemas } from "./event_payloads.ts";
import { nativeEventSchema } from "./event_schema.ts";
import { type EventScope, validateEvent } from "./event_validation.ts";
import { DAY_MS, limits } from "./limits.ts";
import { Rejection } from "./rejection.ts";

const now = Date.UTC(2026, 0, 15, 12);
const scope: EventScope = { studio: "demo", games: "*", now, newId: () => "made-id" };
const minimal = { event_type: "custom", user_id: "u", game_id: "g" };

function rejectionOf(raw: unknown, over: Partial<EventScope> = {}): Rejection {
  const verdict = validateEvent(raw, { ...scope, ...over });
  assert.ok(verdict instanceof Rejection, `expected a rejection of ${JSON.stringify(raw)}`);
  return verdict;
}

function assertRejected(raw: unknown, code: string, path: string): void {
  const rejection = rejectionOf(raw);
  assert.deepEqual([rejection.code, rejection.path], [code, path], rejection.message);
  assert.ok(rejection.message.isWellFormed() && rejection.message.length < 250, rejection.message);
}

Deno.test("validateEvent() normalises the contract's example", () => {
  const raw = JSON.parse(`{"event_id":"0190-a","event_type":"level.complete","user_id":"u-17",
    "game_id":"demo","session_id":"s-9","timestamp":"2026-01-14T12:00:00.250+02:00",
    "properties":{"level":3,"score":1200},"context":{"platform":"ios","country":"DE"},"extra":1}`);
  assert.deepEqual(validateEvent(raw, scope), {
    studio: "demo",
    event_id: "0190-a",
    event_type: "level.complete",
    user_id: "u-17",
    game_id: "demo",
    session_id: "s-9",
    timestamp: Date.UTC(2026, 0, 14, 10, 0, 0, 250),
    properties: { level: 3, score: 1200 },
    context: { platform: "ios", country: "DE" },
  });
});

Deno.test("validateEvent() fills in id, time, game, properties and context", () => {
  const raw = { event_type: "custom", user_id: "u" };
  assert.deepEqual(validateEvent(raw, { ...scope, defaultGame: "only" }), {
    studio: "demo",
    event_id: "made-id",
    event_type: "custom",
    user_id: "u",
    game_id: "only",
    timestamp: now,
    properties: {},
    context: {},
  });
});

Deno.test("validateEvent() refuses what is not an object", () => {
  for (const raw of [null, true, 1, "x", [], [minimal]]) assertRejected(raw, "not_an_object", "");
});

Deno.test("validateEvent() names the missing or wrong envelope field", () => {
  for (const field of ["event_type", "user_id", "game_id"]) {
    const without: Record<string, unknown> = { ...minimal };
    delete without[field];
    assertRejected(without, "missing_field", field);
  }
  for (const field of ["event_id", "event_type", "user_id", "game_id", "session_id"]) {
    for (const wrong of [null, 1, true, [], {}, "", "x".repeat(129), "tab\there", "\n", "\u0085"]) {
      assertRejected({ ...minimal, [field]: wrong }, "invalid_field", field);
    }
    for (const wrong of ["a\0b", "\ud800", "\udc00x"]) {
      assertRejected({ ...minimal, [field]: wrong }, "ill_formed_text", field);
    }
  }
  for (const field of ["properties", "context"]) {
    for (const wrong of [null, 1, "x", []]) {
      assertRejected({ ...minimal, [field]: wrong }, "invalid_field", field);
    }
  }
});

Deno.test("validateEvent() takes ids of any script, with slashes, up to their length", () => {
  for (const id of ["a/b", " ", "ユーザー", "🎮", "x".repeat(128), "..", "__proto__"]) {
    const event = validateEvent({ ...minimal, user_id: id, game_id: id, event_id: id }, scope);
    assert.ok(!(event instanceof Rejection), id);
    assert.equal(event.user_id, id);
  }
});

Deno.test("validateEvent() keeps $ types to itself and custom types to their pattern", () => {
  assertRejected({ ...minimal, event_type: "$timer" }, "reserved_type", "event_type");
  for (const type of ["Level.Up", "with space", "ünit", "x".repeat(65), "a$b"]) {
    assertRejected({ ...minimal, event_type: type }, "invalid_field", "event_type");
  }
  for (const type of ["a", "x".repeat(64), "my-game:boss_1.kill", "constructor", "__proto__"]) {
    assert.ok(!(validateEvent({ ...minimal, event_type: type }, scope) instanceof Rejection), type);
  }
});

Deno.test("validateEvent() takes timestamps from 30 days back to 24 h ahead, borders included", () => {
  const at = (ms: number) => ({ ...minimal, timestamp: new Date(ms).toISOString() });
  for (const ms of [now, now - 30 * DAY_MS, now + DAY_MS]) {
    const event = validateEvent(at(ms), scope);
    assert.ok(!(event instanceof Rejection) && event.timestamp === ms);
  }
  assertRejected(at(now - 30 * DAY_MS - 1), "timestamp_too_old", "timestamp");
  assertRejected(at(now + DAY_MS + 1), "timestamp_in_future", "timestamp");
  for (const wrong of [null, now, "yesterday", "2026-02-30T00:00:00Z", ""]) {
    assertRejected({ ...minimal, timestamp: wrong }, "invalid_timestamp", "timestamp");
  }
});

Deno.test("validateEvent() finds hostile values wherever they hide", () => {
  const cases: [string, string, string][] = [
    [`{"properties":{"a":"x\\u0000"}}`, "ill_formed_text", "properties.a"],
    [`{"properties":{"a":["",{"b":"\\ud800"}]}}`, "ill_formed_text", "properties.a[1].b"],
    [`{"properties":{"a\\u0000":1}}`, "ill_formed_text", 'properties["a\\u0000"]'],
    [`{"context":{"k\\udfff":1}}`, "ill_formed_text", 'context["k\\udfff"]'],
    [`{"other":{"a":"\\u0000"}}`, "ill_formed_text", "other.a"],
    [`{"odd key":[1e999]}`, "unsafe_number", '["odd key"][0]'],
    [`{"\\u0000":1}`, "ill_formed_text", '["\\u0000"]'],
    [`{"properties":{"a":1e999}}`, "unsafe_number", "properties.a"],
    [`{"properties":{"a":[-1e999]}}`, "unsafe_number", "properties.a[0]"],
    [`{"properties":{"a":9007199254740992}}`, "unsafe_number", "properties.a"],
    [`{"properties":{"a":-9007199254740993}}`, "unsafe_number", "properties.a"],
    [`{"context":{"a":1e300}}`, "unsafe_number", "context.a"],
    [`{"other":1e999}`, "unsafe_number", "other"],
    [`{"__proto__":{"x":1e999}}`, "unsafe_number", "__proto__.x"],
    [`{"properties":{"__proto__":{"x":"\\u0000"}}}`, "ill_formed_text", "properties.__proto__.x"],
  ];
  for (const [json, code, path] of cases) {
    const raw = JSON.parse(json.replace("{", `{"event_type":"t","user_id":"u","game_id":"g",`));
    assert.deepEqual([rejectionOf(raw).code, rejectionOf(raw).path], [code, path]);
  }
});

Deno.test("validateEvent() takes every safe number and every pair of surrogates", () => {
  const properties = {
    a: Number.MAX_SAFE_INTEGER,
    b: -Number.MAX_SAFE_INTEGER,
    c: 5e-324,
    d: "🎮",
  };
  assert.ok(!(validateEvent({ ...minimal, properties }, scope) instanceof Rejection));
});

Deno.test("validateEvent() bounds depth, at any depth without overflowing", () => {
  const nested = (levels: number) =>
    JSON.parse(
      `{"event_type":"t","user_id":"u","game_id":"g","properties":{"a":${"[".repeat(levels)}${
        "]".repeat(levels)
      }}}`,
    );
  // The event is level 1 and its properties level 2.
  assert.ok(!(validateEvent(nested(limits.jsonDepthMax - 2), scope) instanceof Rejection));
  assert.equal(rejectionOf(nested(limits.jsonDepthMax - 1)).code, "too_deep");
  assert.equal(rejectionOf(nested(100_000)).code, "too_deep");
});

Deno.test("validateEvent() bounds the members of properties and context", () => {
  const members = (count: number) =>
    Object.fromEntries(Array.from({ length: count }, (_, i) => [`k${i}`, i]));
  for (const field of ["properties", "context"]) {
    assert.ok(!(validateEvent({ ...minimal, [field]: members(100) }, scope) instanceof Rejection));
    assertRejected({ ...minimal, [field]: members(101) }, "too_many_properties", field);
  }
});

Deno.test("validateEvent() bounds the bytes of one event, counted as UTF-8", () => {
  const sized = (chars: number, char = "x") => ({
    ...minimal,
    properties: { text: char.repeat(chars) },
  });
  const overhead = JSON.stringify(sized(0)).length;
  const fits = sized(limits.eventBytesMax - overhead);
  assert.ok(!(validateEvent(fits, scope) instanceof Rejection));
  assertRejected(sized(limits.eventBytesMax - overhead + 1), "too_large", "");
  assertRejected(sized(limits.eventBytesMax / 2, "é"), "too_large", "");
});

Deno.test("validateEvent() holds a key to its games", () => {
  const games = new Set(["g", "h"]);
  assert.ok(!(validateEvent(minimal, { ...scope, games }) instanceof Rejection));
  const rejection = rejectionOf({ ...minimal, game_id: "other" }, { games });
  assert.deepEqual([rejection.code, rejection.path], ["game_forbidden", "game_id"]);
});

Deno.test("validateEvent() checks the properties of known types", () => {
  const check = (event_type: string, properties: object, code: string, path: string) =>
    assertRejected({ ...minimal, event_type, properties }, code, path);
  check("purchase", {}, "missing_field", "properties.amount");
  check("purchase", { amount: 1 }, "missing_field", "properties.currency");
  for (const amount of [-1, 1.5, "1", null, true]) {
    check("purchase", { amount, currency: "EUR" }, "invalid_field", "properties.amount");
  }
  for (const currency of ["eur", "EURO", "", 978, null, "ÄÖÜ"]) {
    check("purchase", { amount: 1, currency }, "invalid_field", "properties.currency");
  }
  check("purchase", { amount: 1, currency: "EUR", item: 1 }, "invalid_field", "properties.item");
  check("level.start", { level: "3" }, "invalid_field", "properties.level");
  check("resource.sink", { amount: -1 }, "invalid_field", "properties.amount");
  const good = { ...minimal, event_type: "purchase", properties: { amount: 0, currency: "JPY" } };
  assert.ok(!(validateEvent(good, scope) instanceof Rejection));
});

Deno.test("validateEvent() holds the ids that link players to what a user id may be", () => {
  for (const [event_type, name] of [["alias", "previous_id"], ["identify", "anonymous_id"]]) {
    const linked = (id: unknown) => ({ ...minimal, event_type, properties: { [name!]: id } });
    const path = `properties.${name}`;
    for (const wrong of ["", "x".repeat(129), "a\tb", "\u009f", 7, null, true, [], ["a"], {}]) {
      assertRejected(linked(wrong), "invalid_field", path);
    }
    for (const wrong of ["a\0b", "\ud800"]) assertRejected(linked(wrong), "ill_formed_text", path);
    for (const good of ["a/b", " ", "🎮", "x".repeat(128), "__proto__", minimal.user_id]) {
      assert.ok(!(validateEvent(linked(good), scope) instanceof Rejection), good);
    }
    // Without an id they tell of a player, and link nobody.
    assert.ok(!(validateEvent({ ...minimal, event_type }, scope) instanceof Rejection));
    const message = rejectionOf(linked("")).message;
    assert.match(message, /_id must be a user id: 1 to 128 characters .*: got ""$/);
  }
});

Deno.test("validateEvent() reads no property that the event inherits and pollutes nothing", () => {
  const raw = JSON.parse(
    `{"__proto__":{"event_type":"custom","user_id":"u","game_id":"g"},"event_type":"custom"}`,
  );
  assertRejected(raw, "missing_field", "user_id");
  const purchase = JSON.parse(
    `{"event_type":"purchase","user_id":"u","game_id":"g",
      "properties":{"__proto__":{"amount":1,"currency":"EUR","polluted":true}}}`,
  );
  assertRejected(purchase, "missing_field", "properties.amount");
  const custom = { ...purchase, event_type: "custom" };
  assert.ok(!(validateEvent(custom, scope) instanceof Rejection));
  assert.equal(({} as Record<string, unknown>).polluted, undefined);
});

Deno.test("validateEvent() shows the value seen, shortened, and what was expected", () => {
  const long = rejectionOf({ ...minimal, timestamp: "y".repeat(5000) }).message;
  assert.match(long, /^timestamp must be an RFC 3339 .*: got "y{40}"… \(5000 characters\)$/);
});

const hostileText = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.constantFrom("\0", "a\ud800", "\udfff", "ok", "\u{1f3ae}"),
);
const anyJson = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    fc.oneof(
      fc.constantFrom<unknown>(null, true, false, 2 ** 53, -(2 ** 53), Infinity, -Infinity, 0),
      fc.double({ noNaN: true }),
      fc.integer(),
      hostileText,
    ),
    fc.array(tie("value"), { maxLength: 4 }),
    fc.dictionary(hostileText.filter((key) => key !== "__proto__"), tie("value"), { maxKeys: 4 }),
  ),
})).value;

const knownTypes = Object.keys(payloadSchemas);
const idLike = fc.oneof(fc.string({ minLength: 1, maxLength: 130 }), hostileText, anyJson);
const amountLike = fc.oneof(fc.nat(), fc.double({ noNaN: true }), anyJson);
const propertiesLike = fc.oneof(
  fc.record({
    amount: amountLike,
    currency: fc.oneof(fc.constantFrom("EUR", "USD"), hostileText),
    item: fc.oneof(fc.string(), anyJson),
    level: amountLike,
    score: amountLike,
    message: fc.oneof(fc.string(), anyJson),
    previous_id: idLike,
    anonymous_id: idLike,
  }, { requiredKeys: [] }),
  // zod passes over `__proto__` and what it holds; that is tried above.
  fc.dictionary(fc.string().filter((key) => key !== "__proto__"), anyJson, { maxKeys: 3 }),
  anyJson,
);
const time = fc.integer({ min: now - 40 * DAY_MS, max: now + 3 * DAY_MS });
const eventLike = fc.record({
  event_id: idLike,
  event_type: fc.oneof(fc.constantFrom(...knownTypes, "custom", "$timer", "Bad Type"), anyJson),
  user_id: idLike,
  game_id: idLike,
  session_id: idLike,
  timestamp: fc.oneof(time.map((ms) => new Date(ms).toISOString()), anyJson),
  properties: propertiesLike,
  context: propertiesLike,
  other: anyJson,
}, { requiredKeys: [] });

/** What zod says, with the rules it does not know (window, payloads, unknown fields) beside it. */
function oracleAccepts(raw: unknown): boolean {
  const parsed = nativeEventSchema.safeParse(raw);
  if (!parsed.success) return false;
  const event = parsed.data as Record<string, unknown>;
  const { event_type, timestamp, game_id, properties = {} } = parsed.data;
  if (game_id === undefined) return false;
  if (timestamp !== undefined) {
    const ms = Date.parse(timestamp);
    if (ms < now - 30 * DAY_MS || ms > now + DAY_MS) return false;
  }
  const payload = payloadSchemas[event_type];
  if (payload !== undefined && !payload.safeParse(properties).success) return false;
  return !isHostileJson(JSON.stringify(event, keepInfinity));
}

/** JSON.stringify would write Infinity as null and so hide it. */
const keepInfinity = (_: string, value: unknown) =>
  typeof value === "number" && Math.abs(value) > Number.MAX_SAFE_INTEGER ? "\ud800" : value;

/** Well-formed JSON.stringify escapes exactly the NULs and the lone surrogates this way. */
const isHostileJson = (json: string) => /\\u0000|\\ud[89a-f]/.test(json.replaceAll("\\\\", ""));

Deno.test("validateEvent() decides as the zod schemas do", () => {
  let accepted = 0;
  const tally = (raw: unknown) => {
    const verdict = validateEvent(raw, scope);
    assert.equal(
      !(verdict instanceof Rejection),
      oracleAccepts(raw),
      (verdict as Rejection).message,
    );
    if (!(verdict instanceof Rejection)) accepted++;
  };
  fc.assert(fc.property(fc.oneof(eventLike, anyJson), tally), { numRuns: 2000 });
  // Nearly valid events: one field replaced, so that the accepting side is tried as well.
  const nearlyValid = fc.tuple(eventLike, fc.constantFrom("", ...Object.keys(minimal), "context"))
    .map(([noise, field]) =>
      field === "" ? minimal : { ...minimal, [field]: (noise as never)[field] }
    );
  fc.assert(fc.property(nearlyValid, tally), { numRuns: 1000 });
  const typed = fc.tuple(fc.constantFrom(...knownTypes), propertiesLike)
    .map(([event_type, properties]) => ({ ...minimal, event_type, properties }));
  fc.assert(fc.property(typed, tally), { numRuns: 2000 });
  assert.ok(accepted > 300, `only ${accepted} events were accepted: the property says little`);
});

Deno.test("validateEvent() never throws, and what it accepts survives JSON", () => {
  const arbitrary = fc.oneof(eventLike, anyJson, fc.object(), fc.anything());
  fc.assert(
    fc.property(arbitrary, (raw) => {
      const verdict = validateEvent(raw, scope);
      if (verdict instanceof Rejection) {
        assert.ok(verdict.message.isWellFormed() && verdict.path.isWellFormed());
        return;
      }
      const json = JSON.stringify(verdict);
      assert.equal(JSON.stringify(JSON.parse(json)), json);
      assert.ok(json.isWellFormed() && !isHostileJson(json) && !json.includes("\n"));
    }),
    { numRuns: 3000 },
  );
});
