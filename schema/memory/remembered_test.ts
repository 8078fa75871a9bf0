import assert from "node:assert/strict";
import { remembered } from "./remembered.ts";

Deno.test("remembered() makes each thing once while it is among the last", () => {
  const made: string[] = [];
  const upper = remembered((key) => {
    made.push(key);
    return key.toUpperCase();
  }, 2);
  assert.equal(["a", "b", "a", "b", "c", "a", "b"].map(upper).join(""), "ABABCAB");
  assert.deepEqual(made, ["a", "b", "c"]);
});

Deno.test("remembered() forgets who has not come for long", () => {
  let made = 0;
  const count = remembered(() => ++made, 2);
  assert.equal(count("a"), 1);
  for (const key of ["b", "c", "d", "e"]) count(key);
  assert.equal(count("a"), 6);
});
