import assert from "node:assert/strict";
import { LagMeter } from "./lag_meter.ts";

const row = (partition: number, nextOffset: number, endOffset: number) => (
  { partition, nextOffset, endOffset }
);

/** By a function, as an assertion on the property itself would narrow it for good. */
const lastOf = (meter: LagMeter) => meter.last;

Deno.test("LagMeter.sample() adds up what waits, and takes rates over some seconds", () => {
  const meter = new LagMeter();
  assert.equal(lastOf(meter), undefined);
  meter.sample(0, [row(0, 0, 10), row(1, 5, 5)], 0.5);
  const lag = meter.sample(2_000, [row(0, 200, 410), row(1, 5, 25)], 0.5);
  assert.deepEqual(lag, {
    id: 2,
    lagEvents: 230,
    committedPerSecond: 100,
    appendedPerSecond: 210,
    logShare: 0.5,
  });
  assert.equal(lastOf(meter), lag);
  for (let s = 3; s <= 20; s++) meter.sample(s * 1_000, [row(0, 200 + s, 410), row(1, 5, 25)], 0.5);
  const { committedPerSecond, appendedPerSecond } = lastOf(meter)!;
  assert.deepEqual([committedPerSecond, appendedPerSecond], [1, 0]);
});

Deno.test("LagMeter.sample() takes a shard that comes for no pace", () => {
  const meter = new LagMeter();
  meter.sample(0, [row(0, 0, 0)], 0);
  const lag = meter.sample(1_000, [row(0, 10, 10), row(1, 1_000_000, 1_000_500)], 0);
  assert.deepEqual([lag.committedPerSecond, lag.lagEvents], [10, 500]);
});

Deno.test("LagMeter.sample() takes shards that commit nothing for a while for stalled", () => {
  const meter = new LagMeter();
  const pace = (ms: number, next: number) =>
    Math.round(meter.sample(ms, [row(0, next, 9_000)], 0).committedPerSecond);
  assert.deepEqual([pace(0, 0), pace(500, 500), pace(1_000, 1_000)], [0, 1_000, 1_000]);
  // Commits come in lumps: a second without one is none to worry about.
  assert.equal(pace(2_500, 1_000), 400);
  assert.equal(pace(3_000, 1_000), 0);
  assert.ok(pace(3_500, 1_500) > 0);
});
