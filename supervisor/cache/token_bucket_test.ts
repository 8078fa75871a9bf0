import assert from "node:assert/strict";
import fc from "fast-check";
import { Redis } from "ioredis";
import { redisServerProgram, startRedisServer } from "../testing/redis_server.ts";
import { fullAfterMs, takeTokens, tokenBucketScript } from "./token_bucket.ts";

const bucket = { capacity: 10, refillPerSecond: 2 };

Deno.test("takeTokens() allows what is there, refills with time, and says how long to wait", () => {
  const state = { tokens: 10, at: 0 };
  const take = (cost: number, now: number) => Object.values(takeTokens(state, bucket, cost, now));
  assert.deepEqual(take(8, 0), [true, 2, 0]);
  assert.deepEqual(take(3, 0), [false, 2, 500]);
  assert.deepEqual(take(3, 499), [false, 2, 1]);
  assert.deepEqual(take(3, 500), [true, 0, 0]);
  // A clock that goes back neither takes nor gives.
  assert.deepEqual(take(1, 0), [false, 0, 500]);
  assert.deepEqual(take(1, 900), [false, 0, 100]);
  assert.deepEqual(take(10, 1_000_000), [true, 0, 0]);
});

Deno.test("takeTokens() never allows more than capacity and refill", () => {
  const calls = fc.array(fc.record({ cost: fc.integer({ min: 1, max: 10 }), gap: fc.nat(3_000) }));
  fc.assert(fc.property(calls, (calls) => {
    const state = { tokens: bucket.capacity, at: 0 };
    let [now, spent] = [0, 0];
    for (const { cost, gap } of calls) {
      now += gap;
      const taken = takeTokens(state, bucket, cost, now);
      if (taken.allowed) spent += cost;
      else {
        const later = { ...state };
        assert.ok(takeTokens(later, bucket, cost, now + taken.retryAfterMs).allowed);
      }
      assert.ok(
        spent <= bucket.capacity + now * bucket.refillPerSecond / 1000 + calls.length * 2e-6,
      );
    }
  }));
});

Deno.test({
  name: "tokenBucketScript() says the same as takeTokens()",
  ignore: redisServerProgram() === undefined,
  async fn() {
    const server = await startRedisServer();
    const redis = new Redis(server.url);
    const script = tokenBucketScript("tonumber(ARGV[5])");
    const calls = fc.array(
      fc.record({
        cost: fc.double({ min: 0.1, max: 7, noNaN: true }),
        gap: fc.integer({ min: -200, max: 3_000 }),
      }),
      { maxLength: 20 },
    );
    const buckets = fc.record({
      capacity: fc.double({ min: 7, max: 1e6, noNaN: true }),
      refillPerSecond: fc.double({ min: 0.5, max: 1e4, noNaN: true }),
    });
    try {
      let runs = 0;
      await fc.assert(
        fc.asyncProperty(buckets, calls, async (bucket, calls) => {
          const key = `run-${runs++}`;
          let now = 1_790_000_000_000;
          const state = { tokens: bucket.capacity, at: 0 };
          for (const { cost, gap } of calls) {
            now += gap;
            const { capacity, refillPerSecond } = bucket;
            const args = [capacity, refillPerSecond, cost, fullAfterMs(bucket) + 60_000, now];
            const answer = await redis.eval(script, 1, key, ...args) as number[];
            const { allowed, remaining, retryAfterMs } = takeTokens(state, bucket, cost, now);
            assert.deepEqual(answer, [Number(allowed), remaining, retryAfterMs]);
          }
        }),
        { numRuns: 60 },
      );
      assert.ok(runs >= 60);
    } finally {
      redis.disconnect();
      await server.stop();
    }
  },
});
