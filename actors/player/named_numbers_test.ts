import assert from "node:assert/strict";
import fc from "fast-check";
import { hostileNames } from "../testing/player_arbitrary.ts";
import {
  addNumbers,
  addTo,
  namedNumbers,
  namesOf,
  noNumbers,
  numberIn,
  pairsOf,
  setNumber,
  sizeOf,
} from "./named_numbers.ts";

const anyName = fc.oneof(fc.constantFrom(...hostileNames), fc.string({ maxLength: 3 }));
const anyPairs = fc.array(fc.tuple(anyName, fc.integer()), { maxLength: 30 });

Deno.test("NamedNumbers are a map that keeps the order of its names", () => {
  fc.assert(fc.property(anyPairs, anyName, (pairs, other) => {
    const map = new Map(pairs);
    const numbers = namedNumbers(pairs);
    assert.deepEqual(pairsOf(numbers), [...map]);
    assert.deepEqual(namesOf(numbers), [...map.keys()]);
    assert.equal(sizeOf(numbers), map.size);
    for (const name of [...map.keys(), other]) assert.equal(numberIn(numbers, name), map.get(name));
  }));
});

Deno.test("setNumber() sets a known name in place, and leaves alone what had not the name", () => {
  const one = setNumber(noNumbers, "a", 1);
  const two = setNumber(one, "b", 2);
  assert.equal(setNumber(two, "a", 3), two);
  assert.deepEqual([noNumbers, one, two], [[], ["a", 1], ["a", 3, "b", 2]]);
});

Deno.test("addTo() begins at 0, never at −0, and adds in place", () => {
  const one = addTo(noNumbers, "a", -0);
  assert.deepEqual(one, ["a", 0]);
  assert.equal(addTo(one, "a", 2), one);
  assert.deepEqual(addTo(one, "b", 3), ["a", 2, "b", 3]);
  assert.deepEqual([noNumbers, one], [[], ["a", 2]]);
});

Deno.test("addNumbers() adds those of the same name", () => {
  fc.assert(fc.property(anyPairs, anyPairs, (some, more) => {
    const sums = new Map(some);
    for (const [name, value] of new Map(more)) sums.set(name, (sums.get(name) ?? 0) + value);
    assert.deepEqual(pairsOf(addNumbers(namedNumbers(some), namedNumbers(more))), [...sums]);
  }));
});
