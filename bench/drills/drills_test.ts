import assert from "node:assert/strict";
import { drills, findDrill } from "./drills.ts";

Deno.test("drills have ids and names that no other has", () => {
  const keys = drills.flatMap(({ id, name }) => [id, name]);
  assert.equal(new Set(keys).size, keys.length);
  for (const { name } of drills) assert.match(name, /^[a-z]+(-[a-z]+)*$/);
});

Deno.test("drills that start their platforms can each be shown to fail", () => {
  const own = drills.filter((drill) => "mutations" in drill);
  assert.ok(own.length >= 8);
  for (const { mutations } of own) assert.ok(Object.keys(mutations).length > 0);
});

Deno.test("findDrill() finds by id and by name", () => {
  assert.equal(findDrill("2")?.name, "crash-loop");
  assert.equal(findDrill("crash-loop")?.id, "2");
  assert.equal(findDrill("nothing"), undefined);
});
