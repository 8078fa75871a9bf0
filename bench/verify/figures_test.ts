import assert from "node:assert/strict";
import { addTo, differences } from "./figures.ts";

Deno.test("addTo() counts names that objects have of their own", () => {
  const counts: Record<string, number> = {};
  for (const name of ["toString", "constructor", "toString"]) addTo(counts, name, 1);
  assert.deepEqual(Object.entries(counts), [["toString", 2], ["constructor", 1]]);
});

Deno.test("differences() names each value that differs, and takes what is missing for nothing", () => {
  assert.deepEqual(differences({ a: 1, b: { c: 2 }, d: 0 }, { a: 1, b: { c: 3 }, e: {} }), [
    { path: "b.c", expected: 2, actual: 3 },
  ]);
  assert.deepEqual(differences({ toString: 1 }, {}), [
    { path: "toString", expected: 1, actual: undefined },
  ]);
  assert.deepEqual(differences({}, { valueOf: 0 }), []);
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
