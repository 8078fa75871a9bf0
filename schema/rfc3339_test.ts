import assert from "node:assert/strict";
import fc from "fast-check";
import { parseDateTime, parseFullDate } from "./rfc3339.ts";

const year0 = Date.parse("0000-01-01T00:00:00.000Z");
const year9999 = Date.parse("9999-12-31T23:59:59.999Z");

Deno.test("parseDateTime() agrees with Date on every ISO text that Date writes", () => {
  fc.assert(fc.property(fc.integer({ min: year0, max: year9999 }), (ms) => {
    assert.equal(parseDateTime(new Date(ms).toISOString()), ms);
  }));
});

Deno.test("parseDateTime() agrees with Date on offsets and fractions", () => {
  const offset = fc.tuple(
    fc.constantFrom("+", "-"),
    fc.integer({ min: 0, max: 23 }),
    fc.integer({ min: 0, max: 59 }),
  ).map(([sign, h, m]) => `${sign}${String(h).padStart(2, "0")}:${String(m).padStart(2, "0")}`);
  const fraction = fc.stringMatching(/^(\.[0-9]{1,12})?$/);
  const ms = fc.integer({ min: year0, max: year9999 });
  fc.assert(fc.property(ms, fraction, offset, (ms, fraction, offset) => {
    const second = new Date(ms).toISOString().slice(0, 19);
    // Date.parse misreads fractions of ten digits and more, so it is shown three.
    const expected = Date.parse(
      second + (fraction === "" ? "" : `${fraction}000`.slice(0, 4)) + offset,
    );
    assert.equal(parseDateTime(second + fraction + offset), expected);
  }));
});

Deno.test("parseDateTime() takes small letters, an unknown local offset and leap seconds", () => {
  const noon = Date.UTC(2026, 0, 1, 12);
  assert.equal(parseDateTime("2026-01-01t12:00:00z"), noon);
  assert.equal(parseDateTime("2026-01-01T12:00:00-00:00"), noon);
  assert.equal(parseDateTime("2026-01-01T12:00:00.0009Z"), noon);
  const lastMoment = Date.UTC(2016, 11, 31, 23, 59, 59, 999);
  assert.equal(parseDateTime("2016-12-31T23:59:60Z"), lastMoment);
  assert.equal(parseDateTime("2016-12-31T18:59:60.5-05:00"), lastMoment);
  assert.equal(parseDateTime("2017-01-01T00:59:60+01:00"), lastMoment);
});

Deno.test("parseDateTime() refuses what is not RFC 3339 or not in the calendar", () => {
  const wrong = [
    "",
    "2026-01-01",
    "2026-01-01T12:00:00",
    "2026-01-01 12:00:00Z",
    "2026-01-01T12:00Z",
    "2026-01-01T12:00:00.Z",
    "2026-01-01T12:00:00,5Z",
    "2026-01-01T12:00:00+0100",
    "2026-01-01T12:00:00+1:00",
    "2026-01-01T12:00:00+24:00",
    "2026-01-01T12:00:00+01:60",
    "2026-01-01T12:00:00Z ",
    " 2026-01-01T12:00:00Z",
    "2026-01-01T12:00:00ZZ",
    "2026-02-29T12:00:00Z",
    "1900-02-29T12:00:00Z",
    "2026-02-30T12:00:00Z",
    "2026-04-31T12:00:00Z",
    "2026-00-01T12:00:00Z",
    "2026-13-01T12:00:00Z",
    "2026-01-00T12:00:00Z",
    "2026-01-32T12:00:00Z",
    "2026-01-01T24:00:00Z",
    "2026-01-01T12:60:00Z",
    "2026-01-01T12:00:61Z",
    "2026-01-01T12:00:60Z",
    "2016-12-31T23:59:60+01:00",
    "+002026-01-01T12:00:00Z",
    "20260101T120000Z",
    "1767268800000",
    "Thu, 01 Jan 2026 12:00:00 GMT",
    "２０２６-01-01T12:00:00Z",
  ];
  for (const text of wrong) assert.equal(parseDateTime(text), NaN, JSON.stringify(text));
  assert.equal(parseDateTime("2024-02-29T00:00:00Z"), Date.UTC(2024, 1, 29));
  assert.equal(parseDateTime("2000-02-29T00:00:00Z"), Date.UTC(2000, 1, 29));
});

Deno.test("parseDateTime() answers NaN or a moment that Date knows too, whatever the text", () => {
  const almost = fc.stringMatching(/^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9:.+Z-]{0,20}$/);
  fc.assert(fc.property(fc.oneof(almost, fc.string()), (text) => {
    const ms = parseDateTime(text);
    if (!Number.isNaN(ms) && !/:60/.test(text)) {
      assert.equal(ms, Date.parse(text.toUpperCase().replace(/(\.\d{3})\d+/, "$1")));
    }
  }));
});

Deno.test("parseFullDate() gives days since the epoch of real dates only", () => {
  fc.assert(fc.property(fc.integer({ min: -719_162, max: 2_932_896 }), (day) => {
    assert.equal(parseFullDate(new Date(day * 86_400_000).toISOString().slice(0, 10)), day);
  }));
  for (const text of ["2026-02-29", "2026-1-1", "2026-01-01T", "2026/01/01", ""]) {
    assert.equal(parseFullDate(text), NaN, text);
  }
});
