import assert from "node:assert/strict";
import { Recent } from "./recent.ts";

function keysOf(recent: Recent<number>, keys: string): string {
  return [...keys].filter((key) => recent.get(key) !== undefined).join("");
}

Deno.test("Recent lets go of what was used least recently, by weight", () => {
  const recent = new Recent<number>(10);
  recent.set("a", 1, 4);
  recent.set("b", 2, 4);
  assert.equal(recent.get("a"), 1);
  recent.set("c", 3, 3);
  assert.equal(keysOf(recent, "abc"), "ac");
  recent.set("d", 4, 10);
  assert.equal(keysOf(recent, "abcd"), "d");
});

Deno.test("Recent keeps one value that is too heavy, until the next", () => {
  const recent = new Recent<number>(10);
  recent.set("a", 1, 4);
  recent.set("b", 2, 100);
  assert.equal(keysOf(recent, "ab"), "b");
  recent.set("c", 3, 1);
  assert.equal(keysOf(recent, "abc"), "c");
});

Deno.test("Recent weighs a value that grew by its new weight", () => {
  const recent = new Recent<number>(10);
  for (let weight = 1; weight <= 9; weight++) recent.set("a", weight, weight);
  recent.set("b", 1, 1);
  assert.equal(keysOf(recent, "ab"), "ab");
  recent.set("b", 2, 2);
  assert.equal(keysOf(recent, "ab"), "b");
  recent.clear();
  assert.equal(keysOf(recent, "ab"), "");
  recent.set("c", 1, 10);
  assert.equal(recent.get("c"), 1);
});

Deno.test("Recent gives away each value once: what went, was replaced, or was there at the end", () => {
  const dropped: number[] = [];
  const recent = new Recent<number>(10, (value) => dropped.push(value));
  recent.set("a", 1, 6);
  recent.set("b", 2, 6);
  assert.deepEqual(dropped, [1]);
  recent.set("b", 3, 6);
  assert.deepEqual(dropped, [1, 2]);
  recent.clear();
  recent.clear();
  assert.deepEqual(dropped, [1, 2, 3]);
});
