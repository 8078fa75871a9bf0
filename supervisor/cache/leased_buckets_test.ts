import assert from "node:assert/strict";
import { Unavailable } from "../../schema/errors.ts";
import type { Bucket, RateLimiter } from "./cache.ts";
import { chunkOf, LeasedBuckets } from "./leased_buckets.ts";
import { MemoryRateLimiter } from "./memory/memory_rate_limiter.ts";

const bucket: Bucket = { capacity: 2000, refillPerSecond: 1000 };

function open(nodes = 1) {
  const at = { ms: 0 };
  const now = () => at.ms;
  const inner = new MemoryRateLimiter({ now });
  const asked: number[] = [];
  const shared: RateLimiter = {
    take: (key, of, cost) => {
      asked.push(cost!);
      return inner.take(key, of, cost);
    },
  };
  const made = Array.from(
    { length: nodes },
    () => new LeasedBuckets({ shared: () => shared, now }),
  );
  const settle = () => new Promise<void>((done) => setTimeout(done, 0));
  return { at, asked, nodes: made, settle };
}

Deno.test("LeasedBuckets.takeNow() lets nodes together through what the bucket says, and few calls", async () => {
  const { at, asked, nodes, settle } = open(3);
  let allowed = 0;
  const seconds = 10;
  for (let step = 0; step < seconds * 1000; step++) {
    at.ms++;
    // Five times as much as there is.
    for (let i = 0; i < 5; i++) {
      if (nodes[(step + i) % 3]!.takeNow("k", bucket, 1).allowed) allowed++;
    }
    await (step % 5 === 0 ? settle() : undefined);
  }
  const expected = bucket.capacity + seconds * bucket.refillPerSecond;
  assert.ok(allowed <= expected + 3 * 2 * chunkOf(bucket), `allowed ${allowed}`);
  assert.ok(allowed >= expected * 0.85, `allowed ${allowed}`);
  assert.ok(asked.length < seconds * 3 * 25, `calls ${asked.length}`);
});

Deno.test("LeasedBuckets.takeNow() lends a chunk while the cache is asked, no more", () => {
  const { nodes: [node], asked } = open();
  const taken = Array.from({ length: 500 }, () => node!.takeNow("k", bucket, 1));
  assert.equal(taken.filter(({ allowed }) => allowed).length, chunkOf(bucket));
  assert.ok(taken.at(-1)!.retryAfterMs > 0);
  assert.equal(asked.length, 1);
});

Deno.test("LeasedBuckets.takeNow() counts by itself while the cache is starting", async () => {
  const shared = () => {
    throw new Unavailable("cache", "starting");
  };
  const node = new LeasedBuckets({ shared, now: () => 0 });
  let allowed = 0;
  for (let i = 0; i < 5000; i++) {
    if (node.takeNow("k", bucket, 1).allowed) allowed++;
    if (i % 20 === 0) await new Promise<void>((done) => setTimeout(done, 0));
  }
  assert.ok(allowed >= bucket.capacity * 0.9 && allowed <= bucket.capacity * 1.2, String(allowed));
});

Deno.test("LeasedBuckets.takeNow() takes costs larger than a chunk", async () => {
  const { nodes: [node], settle } = open();
  const small: Bucket = { capacity: 1000, refillPerSecond: 1 };
  assert.equal(node!.takeNow("k", small, 1000).allowed, true);
  await settle();
  // One call is lent, and none before it is paid back.
  assert.equal(node!.takeNow("k", small, 1000).allowed, true);
  await settle();
  assert.equal(node!.takeNow("k", small, 1000).allowed, false);
  assert.equal(node!.takeNow("k", small, 1).allowed, false);
  assert.throws(() => node!.takeNow("k", small, 1001), RangeError);
});
