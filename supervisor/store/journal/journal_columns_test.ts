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
  const values = columns.map((column, i): unknown[] => {
    if (names[i] === "timestamp") return numbers(column).map(Number);
    const texts = column.split("\x1f");
    if (i > 5) return texts.map((text) => JSON.parse(text));
    return texts.map((text) => text === "" && names[i] === "session_id" ? null : text);
  });
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
  assert.ok(text.includes(`\x1e${properties}\x1e`));
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
  // deno-lint-ignore no-control-regex -- what no id has
  const id = fc.string({ unit: "binary" }).filter((id) => !/[\0-\x1f]/.test(id));
  const event = fc.record({
    studio: id,
    user_id: id,
    game_id: id,
    event_id: id,
    event_type: id,
    session_id: fc.option(id.filter((id) => id !== "")),
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

Deno.test("encodeRows() throws InvariantBroken for an id that would not come out as it went in", () => {
  const event = JSON.parse(journalRow("s/a", 0).value) as Record<string, unknown>;
  for (const name of names.slice(0, 6)) {
    for (const id of ["a\0", "a\x1eb", "\x1f", 7, {}]) {
      const value = JSON.stringify({ ...event, [name]: id });
      assert.throws(() => encodeRows([row(value)]), InvariantBroken, value);
    }
    const empty = row(JSON.stringify({ ...event, [name]: "" }));
    if (name === "session_id") assert.throws(() => encodeRows([empty]), InvariantBroken);
    else assert.equal(decode(encodeRows([empty])!)[0]![name], "");
    const missing = row(JSON.stringify({ ...event, [name]: undefined }));
    if (name === "session_id") assert.equal(decode(encodeRows([missing])!)[0]![name], null);
    else assert.throws(() => encodeRows([missing]), InvariantBroken, name);
  }
});

Deno.test("encodeRows() returns null for no rows", () => {
  assert.equal(encodeRows([]), null);
});
