import assert from "node:assert/strict";
import { assertBackoff, backoffDefaults, backoffMs } from "./backoff.ts";

Deno.test("backoffMs() doubles from minMs up to maxMs", () => {
  const delays = [1, 2, 3, 7, 8, 1000].map((failures) => backoffMs(failures, 0));
  assert.deepEqual(delays, [50, 100, 200, 3200, 5000, 5000]);
});

Deno.test("backoffMs() takes off at most the share that is jitter", () => {
  assert.equal(backoffMs(2, 1), 50);
  assert.equal(backoffMs(2, 0.5), 75);
  assert.equal(backoffMs(2, 0.9, { ...backoffDefaults, jitter: 0 }), 100);
});

Deno.test("assertBackoff() names the option that cannot be, with its value", () => {
  const check = (options: object) => () => assertBackoff({ ...backoffDefaults, ...options });
  assert.doesNotThrow(check({}));
  assert.throws(check({ minMs: -1 }), /minMs .* -1/);
  assert.throws(check({ minMs: 6000 }), /6000, 5000/);
  assert.throws(check({ maxMs: Infinity }), /Infinity/);
  assert.throws(check({ jitter: 7 }), /'jitter' must be between 0 and 1: current value is 7/);
  assert.throws(check({ resetMs: NaN }), /'resetMs'/);
});
