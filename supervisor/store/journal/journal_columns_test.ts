import assert from "node:assert/strict";
import fc from "fast-check";
import { InvariantBroken } from "../../../schema/errors.ts";
import { journalRow } from "../contract/fixtures.ts";
import type { JournalRow } from "../store.ts";
import { encodeRows } from "./journal_columns.ts";

const names = [
  "studio",
  "user_id",
  "game_id",
  "event_id",
  "event_type",
  "session_id",
  "timestamp",
  "properties",
  "context",
];

/** Reads what PostgreSQL reads. */
function decode(text: string): Record<string, unknown>[] {
  const [offsets, arrivals, keys, ...columns] = text.split("\x1e");
  const numbers = (literal: string) => {
    assert.match(literal, /^\{.*\}$/s);
    return literal.slice(1, -1).split(",");
  };
  const values = columns.map((column, i) =>
    names[i] === "timestamp" ? numbers(column).map(Number) : JSON.parse(column) as unknown[]
  );
  return numbers(offsets!).map((offset, row) => ({
    o: Number(offset),
    r: Number(numbers(arrivals!)[row]),
    k: numbers(keys!)[row],
    ...Object.fromEntries(names.map((name, i) => [name, values[i]![row]])),
  }));
}

/** PostgreSQL's texts have no U+0000. */
const isStorable = (value: unknown) => !JSON.stringify(value).includes("\\u0000");

const row = (value: string, offset = 0): JournalRow => ({ ...journalRow("s/a", offset), value });

Deno.test("encodeRows() gives columns that hold each row's position, key and fields", () => {
  const rows = [journalRow("s/a", 7), journalRow("s/b", 8)];
  const expected = rows.map(({ offset, receivedAt, actorKey, value }) => ({
    o: offset,
    r: receivedAt,
    // Beyond 2^53, so not to be read through a number.
    k: actorKey,
    ...Object.fromEntries(names.map((name) => [name, JSON.parse(value)[name] ?? null])),
  }));
  assert.deepEqual(decode(encodeRows(rows)!), expected);
});

Deno.test("encodeRows() keeps the text of properties and context as it is", () => {
  const properties = `{"b": 1.0, "a":{"context":{},"x":"\\"properties\\":"},"1":-0}`;
  const value = `{"studio":"s","user_id":"u","game_id":"g","event_id":"e","event_type":"t",` +
    ` "extra":[{"user_id":"no"},"]}"], "timestamp" : 5 ,"properties":${properties},"context":{}}`;
  const text = encodeRows([row(value)])!;
  assert.ok(text.includes(`[${properties}]`));
  const [decoded] = decode(text);
  assert.deepEqual([decoded!["user_id"], decoded!["timestamp"]], ["u", 5]);
  assert.equal(decoded!["session_id"], null);
});

Deno.test("encodeRows() reads names written with escapes", () => {
  const value = `{"studio":"s","\\u0075ser_id":"u","game_id":"g","event_id":"e","event_type":"t",` +
    `"timestamp":5,"properties":{},"context":{}}`;
  assert.equal(decode(encodeRows([row(value)])!)[0]!["user_id"], "u");
});

Deno.test("encodeRows() agrees with JSON.parse() on any event text", () => {
  const text = fc.string({ unit: "binary" });
  const event = fc.record({
    studio: text,
    user_id: text,
    game_id: text,
    event_id: text,
    event_type: text,
    session_id: fc.option(text),
    timestamp: fc.integer(),
    properties: fc.dictionary(text, fc.jsonValue()).filter(isStorable),
    context: fc.dictionary(text, fc.jsonValue()).filter(isStorable),
  });
  const values = fc.array(
    fc.tuple(event, fc.constantFrom(0, 1, 2)).map(([body, indent]) =>
      JSON.stringify(body, null, indent)
    ),
    { minLength: 1, maxLength: 4 },
  );
  fc.assert(fc.property(values, (texts) => {
    const decoded = decode(encodeRows(texts.map(row))!);
    assert.deepEqual(
      decoded.map((fields) => names.map((name) => fields[name])),
      texts.map((value) => names.map((name) => JSON.parse(value)[name])),
    );
  }));
});

Deno.test("encodeRows() throws InvariantBroken for a value that is no object", () => {
  for (const value of ["", "null", "[1]", ` {"a":1}`, `{"a`, `{"a":"b`, `{"a":{`, `{"a":1`]) {
    assert.throws(() => encodeRows([row(value)]), InvariantBroken, value);
  }
});

Deno.test("encodeRows() throws InvariantBroken for properties that SQL could not read", () => {
  const withProperties = (properties: string) =>
    row(journalRow("s/a", 0).value.replace(/"properties":\{.*?\}/, `"properties":${properties}`));
  for (const properties of ["null", "[]", "1", `{"a":"\\u0000"}`, `{"a":"\\\\\\u0000"}`]) {
    assert.throws(() => encodeRows([withProperties(properties)]), InvariantBroken, properties);
  }
  for (const properties of ["{}", `{"a":"\\\\u0000"}`, `{"a":"\\u0001"}`]) {
    assert.ok(encodeRows([withProperties(properties)])!.includes(properties));
  }
});

Deno.test("encodeRows() returns null for no rows", () => {
  assert.equal(encodeRows([]), null);
});
