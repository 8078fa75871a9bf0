import assert from "node:assert/strict";
import { Random } from "../generator/random.ts";
import { Histogram } from "./histogram.ts";

Deno.test("Histogram's quantiles are those of the sorted values within 0.8 %", () => {
  const random = new Random(1);
  for (const scale of [0.05, 3, 400, 60_000]) {
    const histogram = new Histogram();
    const values: number[] = [];
    for (let i = 0; i < 20_000; i++) {
      // Spread over four powers of ten, as latencies are.
      const ms = scale * 10 ** (random.unit() * 4 - 2);
      values.push(ms);
      histogram.record(ms);
    }
    values.sort((a, b) => a - b);
    for (const share of [0.001, 0.1, 0.5, 0.9, 0.99, 0.999]) {
      const exact = values[Math.ceil(share * values.length) - 1]!;
      const found = histogram.quantile(share);
      // Half a microsecond is lost to rounding.
      assert.ok(Math.abs(found - exact) <= exact * 0.008 + 0.0006, `${share}: ${found} / ${exact}`);
    }
    assert.ok(Math.abs(histogram.quantiles().max - values.at(-1)!) <= 0.0006);
  }
});

Deno.test("Histogram keeps small values exactly", () => {
  const histogram = new Histogram();
  for (let us = 0; us < 256; us++) histogram.record(us / 1000);
  for (let us = 0; us < 256; us++) assert.equal(histogram.quantile((us + 1) / 256), us / 1000);
});

Deno.test("Histogram takes what is too large, negative, or nothing at all", () => {
  const histogram = new Histogram();
  assert.deepEqual(histogram.quantiles(), { count: 0, p50: 0, p90: 0, p99: 0, max: 0 });
  histogram.record(-5);
  histogram.record(1e12);
  assert.equal(histogram.count, 2);
  assert.equal(histogram.quantile(0.5), 0);
  assert.equal(histogram.quantiles().max, 1e12);
});
