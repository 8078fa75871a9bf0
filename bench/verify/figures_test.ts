import assert from "node:assert/strict";
import { addTo, differences } from "./figures.ts";

Deno.test("differences() names every path on which two trees differ", () => {
  const expected = { events: 5, days: { "2026-01-01": { dau: 2, revenue: { USD: 5 } } } };
  const actual = { events: 5, days: { "2026-01-01": { dau: 3, revenue: { USD: 5, EUR: 1 } } } };
  assert.deepEqual(differences(expected, actual), [
    { path: "days.2026-01-01.dau", expected: 2, actual: 3 },
    { path: "days.2026-01-01.revenue.EUR", expected: undefined, actual: 1 },
  ]);
  assert.deepEqual(differences(expected, expected), []);
});

Deno.test("differences() takes what is missing for zero, on either side, and nothing else", () => {
  assert.deepEqual(differences({ a: 0, b: { c: 0 } }, {}), []);
  assert.deepEqual(differences({}, { a: 0, b: { c: 0 } }), []);
  assert.equal(differences({ a: 1 }, {}).length, 1);
  assert.equal(differences(undefined, { a: { b: 2 } }).length, 1);
  assert.equal(differences({ level: 1 }, { level: null }).length, 1);
});

Deno.test("addTo() starts at zero", () => {
  const counts = {};
  addTo(counts, "x", 2);
  addTo(counts, "x", 3);
  assert.deepEqual(counts, { x: 5 });
});

Deno.test("addTo() counts names that objects have of their own", () => {
  const counts: Record<string, number> = {};
  for (const name of ["toString", "constructor", "toString"]) addTo(counts, name, 1);
  assert.deepEqual(Object.entries(counts), [["toString", 2], ["constructor", 1]]);
});

Deno.test("differences() compares names that objects have of their own", () => {
  assert.deepEqual(differences({ toString: 1 }, {}), [
    { path: "toString", expected: 1, actual: undefined },
  ]);
  assert.deepEqual(differences({}, { valueOf: 0 }), []);
});
