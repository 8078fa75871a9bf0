import assert from "node:assert/strict";
import fc from "fast-check";
import { MemoryVectors } from "./memory_vectors.ts";
import { dimensions, pointId } from "./vectors.ts";
import { atAngle, pointAt, vectorsContract } from "./vectors_contract.ts";

vectorsContract("MemoryVectors", () => {
  const vectors = new MemoryVectors();
  return Promise.resolve({ vectors, dispose: () => vectors.close() });
});

Deno.test("MemoryVectors is bounded: what was written the longest ago goes first", async () => {
  const vectors = new MemoryVectors(2);
  await vectors.upsert("c", [pointAt("s/a", 1), pointAt("s/b", 2)]);
  await vectors.upsert("c", [pointAt("s/a", 3), pointAt("s/c", 4)]);
  const found = await vectors.search("c", atAngle(0), 10, "s");
  assert.deepEqual(found.map(({ id }) => id), ["s/a", "s/c"]);
});

Deno.test("MemoryVectors.search() gives a cosine for vectors of any length", () => {
  const vector = fc.array(
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    { minLength: dimensions, maxLength: dimensions },
  ).filter((v) => v.some((x) => x !== 0));
  return fc.assert(
    fc.asyncProperty(vector, vector, async (a, b) => {
      const vectors = new MemoryVectors();
      await vectors.upsert("c", [{ id: "s/a", vector: a, payload: {} }]);
      const [other] = await vectors.search("c", b, 1, "s");
      assert.ok(other!.score >= -1 - 1e-9 && other!.score <= 1 + 1e-9, `${other!.score}`);
      const [same] = await vectors.search("c", a, 1, "s");
      assert.ok(Math.abs(same!.score - 1) < 1e-9);
    }),
    { numRuns: 50 },
  );
});

Deno.test("pointId() is one UUID for an id, for ever", () => {
  assert.equal(pointId("demo/ann"), pointId("demo/ann"));
  assert.match(
    pointId("demo/ann"),
    /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
  );
  const ids = Array.from({ length: 1000 }, (_, i) => pointId(`demo/${i}`));
  assert.equal(new Set(ids).size, 1000);
  assert.equal(pointId("demo/ann"), "b2e920a5-e547-8661-ac27-35263eb9aad1");
});
