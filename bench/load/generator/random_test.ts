import assert from "node:assert/strict";
import { mix32, Random } from "./random.ts";

Deno.test("Random gives the same numbers for the same seed and stream", () => {
  const a = new Random(42, 3);
  const b = new Random(42, 3);
  for (let i = 0; i < 1000; i++) assert.equal(a.u32(), b.u32());
});

Deno.test("Random gives other numbers for another seed, high seed bits, or stream", () => {
  const first = (r: Random) => Array.from({ length: 4 }, () => r.u32()).join();
  const all = [
    new Random(1),
    new Random(2),
    new Random(1 + 2 ** 32),
    new Random(1, 1),
    new Random(1, 2),
  ].map(first);
  assert.equal(new Set(all).size, all.length);
});

Deno.test("Random.below() is uniform", () => {
  const random = new Random(7);
  const counts = new Array<number>(16).fill(0);
  const draws = 160_000;
  for (let i = 0; i < draws; i++) counts[random.below(16)]!++;
  const expected = draws / 16;
  const chiSquared = counts.reduce((sum, n) => sum + (n - expected) ** 2 / expected, 0);
  // 15 degrees of freedom: 37.7 is passed by chance once in 1,000 seeds, and this one is fixed.
  assert.ok(chiSquared < 37.7, `chi² is ${chiSquared}`);
});

Deno.test("Random's bits are each set half the time", () => {
  const random = new Random(11);
  const draws = 40_000;
  const ones = new Array<number>(32).fill(0);
  for (let i = 0; i < draws; i++) {
    const word = random.u32();
    for (let bit = 0; bit < 32; bit++) ones[bit]! += (word >>> bit) & 1;
  }
  for (const n of ones) assert.ok(Math.abs(n / draws - 0.5) < 0.015, `share is ${n / draws}`);
});

Deno.test("Random.chance() and unit() keep to their ranges", () => {
  const random = new Random(3);
  let hits = 0;
  for (let i = 0; i < 50_000; i++) {
    if (random.chance(0.2)) hits++;
    const unit = random.unit();
    assert.ok(unit >= 0 && unit < 1);
  }
  assert.ok(Math.abs(hits / 50_000 - 0.2) < 0.01, `share is ${hits / 50_000}`);
  assert.equal(random.chance(0), false);
  assert.equal(random.chance(1), true);
});

Deno.test("mix32() spreads neighbouring numbers", () => {
  const values = Array.from({ length: 10_000 }, (_, i) => mix32(5, i));
  assert.equal(new Set(values).size, 10_000);
  const mean = values.reduce((a, b) => a + b, 0) / values.length / 2 ** 32;
  assert.ok(Math.abs(mean - 0.5) < 0.01, `mean is ${mean}`);
});
