import assert from "node:assert/strict";
import { Random } from "./random.ts";
import { Zipf } from "./zipf.ts";

Deno.test("Zipf draws rank r with a share of 1/r of the first's", () => {
  const zipf = new Zipf(12);
  const random = new Random(1);
  const counts = new Array<number>(12).fill(0);
  const draws = 100_000;
  for (let i = 0; i < draws; i++) counts[zipf.rank(random.unit())]!++;
  for (let rank = 0; rank < 12; rank++) {
    assert.ok(Math.abs(counts[rank]! / draws - zipf.share(rank)) < 0.006, `rank ${rank}`);
    assert.ok(Math.abs(zipf.share(rank) * (rank + 1) - zipf.share(0)) < 1e-12);
  }
});

Deno.test("Zipf covers the whole unit interval, with its shares adding up to 1", () => {
  const zipf = new Zipf(5, 1.3);
  assert.equal(zipf.rank(0), 0);
  assert.equal(zipf.rank(1 - 2 ** -32), 4);
  const sum = [0, 1, 2, 3, 4].reduce((s, rank) => s + zipf.share(rank), 0);
  assert.ok(Math.abs(sum - 1) < 1e-12);
});

Deno.test("Zipf refuses to draw from nothing", () => {
  assert.throws(() => new Zipf(0), /'items' must be at least 1: current value is 0/);
});
