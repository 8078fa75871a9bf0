import assert from "node:assert/strict";
import fc from "fast-check";
import { isDeeperThan } from "./json_depth.ts";

function depthOf(value: unknown): number {
  if (typeof value !== "object" || value === null) return 0;
  return 1 + Math.max(0, ...Object.values(value).map(depthOf));
}

Deno.test("isDeeperThan() counts as the parsed value nests, brackets in strings not", () => {
  fc.assert(fc.property(fc.jsonValue({ maxDepth: 6, stringUnit: "binary" }), (value) => {
    const depth = depthOf(value);
    for (const json of [JSON.stringify(value), JSON.stringify(value, null, 2)]) {
      assert.equal(isDeeperThan(json, depth), false);
      if (depth > 0) assert.equal(isDeeperThan(json, depth - 1), true);
    }
  }));
  const tricky = String.raw`{"]}\"[{":["\\","[[[[["]}`;
  assert.equal(isDeeperThan(tricky, 2), false);
  assert.equal(isDeeperThan(tricky, 1), true);
});
