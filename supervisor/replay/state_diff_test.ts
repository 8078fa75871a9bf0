import assert from "node:assert/strict";
import fc from "fast-check";
import type { Json } from "../../schema/event.ts";
import { diffState, valueAt } from "./state_diff.ts";

Deno.test("diffState() names what differs by JSON pointer", () => {
  const before = { a: 1, b: [1, { c: 2 }], "x/y~z": "s", gone: null, same: { d: [0] } };
  const after = { a: 1, b: [1, { c: 3 }, 4], "x/y~z": "t", same: { d: [0] }, new: {} };
  assert.deepEqual(diffState(before, after), [
    { path: "/b/1/c", before: 2, after: 3 },
    { path: "/b/2", after: 4 },
    { path: "/x~1y~0z", before: "s", after: "t" },
    { path: "/gone", before: null },
    { path: "/new", after: {} },
  ]);
  assert.deepEqual(diffState({ a: [] }, { a: {} }), [{ path: "/a", before: [], after: {} }]);
  assert.deepEqual(diffState(1, 2), [{ path: "", before: 1, after: 2 }]);
  assert.equal(diffState([1, 2, 3], [4, 5, 6], 2).length, 2);
});

Deno.test("diffState() finds nothing in equal states, and each path it names leads to both values", () => {
  const json = fc.jsonValue().map((value) => JSON.parse(JSON.stringify(value)) as Json);
  fc.assert(fc.property(json, json, (a, b) => {
    assert.deepEqual(diffState(a, structuredClone(a)), []);
    for (const { path, before, after } of diffState(a, b)) {
      assert.deepEqual([valueAt(a, path), valueAt(b, path)], [before, after]);
    }
  }));
});
