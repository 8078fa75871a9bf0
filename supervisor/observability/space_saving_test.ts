import assert from "node:assert/strict";
import { SpaceSaving } from "./space_saving.ts";

/** A repeatable sequence of numbers of 0 to 1. */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => (state = (state * 1_103_515_245 + 12_345) % 2_147_483_648) / 2_147_483_648;
}

Deno.test("SpaceSaving is exact while there is room", () => {
  const sketch = new SpaceSaving(3);
  for (const [key, weight] of [["a", 5], ["b", 1], ["a", 2], ["c", 4]] as const) {
    sketch.add(key, weight, 10 * weight);
  }
  assert.deepEqual(sketch.top(10), [
    { key: "a", weight: 7, error: 0, beside: 70 },
    { key: "c", weight: 4, error: 0, beside: 40 },
    { key: "b", weight: 1, error: 0, beside: 10 },
  ]);
  assert.deepEqual([sketch.total, sketch.size], [12, 3]);
  assert.equal(sketch.get("d"), undefined);
});

Deno.test("SpaceSaving gives the lightest key's place to a new one, and tells the error", () => {
  const sketch = new SpaceSaving(2);
  sketch.add("a", 5);
  sketch.add("b", 2, 9);
  sketch.add("c", 1, 8);
  assert.equal(sketch.get("b"), undefined);
  assert.deepEqual(sketch.get("c"), { key: "c", weight: 3, error: 2, beside: 8 });
  assert.deepEqual(sketch.top(1), [{ key: "a", weight: 5, error: 0, beside: 0 }]);
});

Deno.test("SpaceSaving holds every key above total / capacity, within its bounds", () => {
  for (let seed = 1; seed <= 20; seed++) {
    const random = randomOf(seed);
    const sketch = new SpaceSaving(20);
    const truth = new Map<string, number>();
    for (let i = 0; i < 5000; i++) {
      // Few keys are frequent, most are rare.
      const key = `k${Math.floor(1000 * random() ** 4)}`;
      const weight = 1 + Math.floor(3 * random());
      sketch.add(key, weight);
      truth.set(key, (truth.get(key) ?? 0) + weight);
    }
    assert.equal(sketch.total, [...truth.values()].reduce((sum, n) => sum + n));
    assert.equal(sketch.size, 20);
    for (const [key, weight] of truth) {
      const held = sketch.get(key);
      if (weight > sketch.total / 20) assert.ok(held !== undefined, `seed ${seed}: ${key}`);
      if (held === undefined) continue;
      assert.ok(
        held.weight >= weight && held.weight - held.error <= weight,
        `seed ${seed}: ${key}`,
      );
    }
    // All weight is somewhere: nothing is lost when a key gives its place.
    assert.equal(sketch.top(20).reduce((sum, { weight }) => sum + weight, 0), sketch.total);
  }
});

Deno.test("SpaceSaving refuses a capacity that cannot be", () => {
  for (const capacity of [0, -1, 1.5, NaN]) {
    assert.throws(() => new SpaceSaving(capacity), RangeError);
  }
});
