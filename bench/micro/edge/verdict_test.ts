import assert from "node:assert/strict";
import { type Shape, shapes } from "./contestants.ts";
import { wrkFigures, wrkScript } from "./generator.ts";
import { lineOf, type Measured, medianOf, shortfalls } from "./verdict.ts";

const good: Measured = {
  generator: "wrk",
  requestsPerSecond: 12_000,
  p50Ms: 4,
  p99Ms: 12,
  failed: 0,
  cpuMicrosPerRequest: 100,
};

const all = (changed: Partial<Record<Shape, Partial<Measured>>> = {}) =>
  Object.fromEntries(
    shapes.map((shape) => [shape, { ...good, ...changed[shape] }]),
  ) as Record<Shape, Measured>;

Deno.test("medianOf() takes each figure's middle and adds failures up", () => {
  const rounds = [10, 30, 20].map((n) => ({
    ...good,
    requestsPerSecond: n,
    p99Ms: 100 - n,
    failed: 1,
  }));
  const { requestsPerSecond, p99Ms, failed } = medianOf(rounds);
  assert.deepEqual([requestsPerSecond, p99Ms, failed], [20, 80, 3]);
  assert.equal(medianOf(rounds.slice(0, 2)).requestsPerSecond, 20);
});

Deno.test("shortfalls() names what was promised and is not there", () => {
  assert.deepEqual(shortfalls(all()), []);
  const faults = shortfalls(all({
    deno_serve: { requestsPerSecond: 1, p99Ms: 999 },
    guard_on: { requestsPerSecond: 9_999 },
    haproxy: { p99Ms: 20.1, failed: 2 },
  }));
  assert.deepEqual(faults, [
    "guard_on: 9999 requests/s, 10000 promised",
    "haproxy: 2 requests failed",
    "haproxy: p99 20.1 ms, 20 promised",
  ]);
});

Deno.test("lineOf() sets a shape beside the bare server and the gateway alone", () => {
  const line = lineOf(
    "guard_on",
    all({ deno_serve: { requestsPerSecond: 48_000 }, guard_on: { requestsPerSecond: 6_000 } }),
  );
  assert.match(line, /^guard_on +6,000 requests\/s .*×0.13 of deno_serve +×0.50 of guard_off/);
});

Deno.test("wrkFigures() reads what the script writes", () => {
  assert.match(wrkScript("k"), /Bearer k/);
  assert.deepEqual(wrkFigures("Running\nfigures 1000 2000000 1500 9000 3\n"), {
    generator: "wrk",
    requestsPerSecond: 500,
    p50Ms: 1.5,
    p99Ms: 9,
    failed: 3,
  });
  assert.throws(() => wrkFigures("unable to connect"), /unable to connect/);
});
