import assert from "node:assert/strict";
import { boardEntriesMax, cacheContract } from "../cache_contract.ts";
import { memoryCache } from "./memory_cache.ts";
import { MemoryL2 } from "./memory_l2.ts";
import { MemoryRateLimiter } from "./memory_rate_limiter.ts";

cacheContract("memoryCache()", () => {
  const cache = memoryCache({ boardEntriesMax });
  return Promise.resolve({ cache, other: cache, dispose: () => cache.close() });
});

Deno.test("MemoryL2 is bounded, and the least recently used goes first", async () => {
  let now = 0;
  const l2 = new MemoryL2({ now: () => now, charsMax: 40 });
  for (const key of ["a", "b", "c"]) await l2.set(key, "123456789", 100);
  assert.equal(await l2.get("a"), "123456789");
  await l2.set("d", "123456789", 100);
  await l2.set("e", "123456789", 100);
  assert.deepEqual([await l2.get("a") !== undefined, await l2.get("b")], [true, undefined]);
  await l2.set("huge", "x".repeat(100), 100);
  assert.equal(await l2.get("huge"), undefined);
  now = 200;
  await l2.set("f", "1", 100);
  assert.deepEqual([await l2.get("a"), await l2.get("f")], [undefined, "1"]);
});

Deno.test("MemoryRateLimiter forgets the bucket that was not asked for the longest", async () => {
  const limiter = new MemoryRateLimiter({ now: () => 0, keysMax: 2 });
  const bucket = { capacity: 1, refillPerSecond: 1 };
  const allowed = async (key: string) => (await limiter.take(key, bucket)).allowed;
  assert.deepEqual([await allowed("a"), await allowed("b"), await allowed("a")], [
    true,
    true,
    false,
  ]);
  assert.equal(await allowed("c"), true);
  assert.deepEqual([await allowed("a"), await allowed("b")], [false, true]);
  assert.equal(limiter.size, 2);
});
