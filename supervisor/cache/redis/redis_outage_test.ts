import assert from "node:assert/strict";
import { Unavailable } from "../../../schema/errors.ts";
import { limits } from "../../../schema/limits.ts";
import { MetricsAccumulator } from "../../observability/metrics_sink.ts";
import { redisServerProgram, startRedisServer } from "../../testing/redis_server.ts";
import type { Cache } from "../cache.ts";
import { eventually } from "../cache_contract.ts";
import { redisCache } from "./redis_cache.ts";

const ignore = redisServerProgram() === undefined;
const bucket = { capacity: 3, refillPerSecond: 0.001 };
/** What is promised, and room for a machine that is busy with other tests. */
const backMsMax = 5_000;
const callMsMax = 50;
const busyMs = 450;

async function isThere(cache: Cache): Promise<void> {
  await eventually("Redis is there", () => cache.fault() === undefined);
}

async function timed<T>(run: () => Promise<T>): Promise<{ ms: number; result: T }> {
  const startedAt = performance.now();
  const result = await run();
  return { ms: performance.now() - startedAt, result };
}

/** What each port promises while the cache is away. */
async function goesOn(cache: Cache, key: string): Promise<void> {
  const l2 = await timed(() => cache.l2.get("kept"));
  assert.equal(l2.result, undefined);
  await cache.l2.set("kept", "2", 1000);
  const taken = [];
  for (let i = 0; i < 4; i++) taken.push((await cache.limits.take(key, bucket)).allowed);
  assert.deepEqual(taken, [true, true, true, false], "the node counts by itself");
  await assert.rejects(cache.boards.page("b", 0, 1), Unavailable);
  await assert.rejects(cache.boards.offer("b", new Map([["ann", 1]])), Unavailable);
  const heard: string[] = [];
  const leave = cache.fanOut.subscribe("here", (text) => heard.push(text));
  cache.fanOut.publish("here", "to myself");
  assert.deepEqual(heard, ["to myself"]);
  leave();
  assert.ok(l2.ms <= callMsMax + busyMs, `${l2.ms} ms`);
}

Deno.test({
  name: "redisCache() goes on without a Redis that is killed, and is back soon after it returns",
  ignore,
  async fn() {
    const first = await startRedisServer();
    const sink = new MetricsAccumulator();
    const cache = redisCache({ url: first.url, sink, callMsMax: 2_000 });
    const other = redisCache({ url: first.url, callMsMax: 2_000 });
    await isThere(cache);
    await isThere(other);
    const heard: string[] = [];
    let gaps = 0;
    other.fanOut.subscribe("nodes", (text) => heard.push(text), () => gaps++);
    await eventually("the other node listens", () => {
      cache.fanOut.publish("nodes", "before");
      return heard.length > 0;
    });
    await cache.l2.set("kept", "1", 60_000);
    assert.equal(await cache.l2.get("kept"), "1");
    await first.stop();
    await eventually("it is noticed", () => cache.fault() !== undefined);
    await goesOn(cache, "killed");
    cache.fanOut.publish("nodes", "lost");

    const second = await startRedisServer({ port: first.port });
    try {
      const back = await timed(() => isThere(cache));
      assert.ok(back.ms <= backMsMax, `back after ${back.ms} ms`);
      await eventually("the other node is told of the gap", () => gaps > 0);
      await eventually("messages flow again", () => {
        cache.fanOut.publish("nodes", "after");
        return heard.includes("after");
      });
      assert.ok(!heard.includes("lost"));
      // Redis has forgotten everything: its buckets are full, its script is not known.
      assert.equal((await cache.limits.take("killed", bucket)).allowed, true);
      await cache.boards.offer("b", new Map([["ann", 1]]));
      const calls = sink.drain();
      const lost = calls.resource_lost_total?.find(([labels]) => labels[1] === "publish");
      assert.ok(lost !== undefined && lost[1] as number >= 1);
      const refused = calls.resource_calls_total?.filter(([labels]) => labels[2] === "refused");
      assert.ok(refused !== undefined && refused.length >= 4);
      assert.deepEqual(calls.resource_circuit_open, [[["cache"], 0]]);
    } finally {
      await cache.close();
      await other.close();
      await second.stop();
    }
  },
});

Deno.test({
  name: "redisCache() does not wait for a Redis that hangs",
  ignore,
  async fn() {
    const server = await startRedisServer();
    const cache = redisCache({ url: server.url });
    try {
      await isThere(cache);
      server.signal("SIGSTOP");
      const calls = await timed(() => Promise.all([1, 2, 3].map(() => cache.l2.get("x"))));
      assert.deepEqual(calls.result, [undefined, undefined, undefined]);
      assert.ok(calls.ms >= limits.cacheCallMsMax - 1 && calls.ms <= callMsMax + busyMs);
      assert.match(cache.fault() ?? "", /No answer within 40 ms/);
      // Now it is known: nobody waits for a deadline any more.
      const refused = await timed(async () => {
        for (let i = 0; i < 1000; i++) await cache.l2.get("x");
      });
      assert.ok(refused.ms < 1000 * limits.cacheCallMsMax / 10, `${refused.ms} ms`);
      await goesOn(cache, "frozen");
      server.signal("SIGCONT");
      const back = await timed(() => isThere(cache));
      assert.ok(back.ms <= backMsMax, `back after ${back.ms} ms`);
    } finally {
      server.signal("SIGCONT");
      await cache.close();
      await server.stop();
    }
  },
});

Deno.test({
  name: "redisCache() starts without a Redis, and takes it up when it comes",
  ignore,
  async fn() {
    const probe = await startRedisServer();
    await probe.stop();
    const cache = redisCache({ url: probe.url, callMsMax: 2_000 });
    await goesOn(cache, "absent");
    const server = await startRedisServer({ port: probe.port });
    try {
      await isThere(cache);
      await cache.l2.set("kept", "1", 60_000);
      assert.equal(await cache.l2.get("kept"), "1");
    } finally {
      await cache.close();
      await server.stop();
    }
  },
});

Deno.test({
  name: "redisCache() says why it is away when its password is wrong",
  ignore,
  async fn() {
    const server = await startRedisServer({ password: "right" });
    const cache = redisCache({ url: server.url.replace("right", "wrong") });
    try {
      await eventually("it is told", () => /WRONGPASS/.test(cache.fault() ?? ""));
      await goesOn(cache, "locked out");
    } finally {
      await cache.close();
      await server.stop();
    }
  },
});
