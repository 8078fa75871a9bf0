import assert from "node:assert/strict";
import { principalOf } from "../../schema/principal.ts";
import { Problem } from "../problem.ts";
import { fillingBuckets } from "../testing/filling_buckets.ts";
import { event, serving, testGateway } from "../testing/test_gateway.ts";
import { type RateBuckets, RateLimits, type Rates } from "./rate_limits.ts";

/** Buckets that are never filled again. */
function buckets() {
  const left = new Map<string, number>();
  const taking: RateBuckets = {
    takeNow(key, { capacity }, cost) {
      const tokens = left.get(key) ?? capacity;
      const allowed = tokens >= cost;
      left.set(key, allowed ? tokens - cost : tokens);
      return { allowed, remaining: left.get(key)!, retryAfterMs: allowed ? 0 : 1_500 };
    },
  };
  return { left, taking };
}

const none: Rates = { key: 0, user: 0, address: 0, global: 0 };
const key = principalOf({ id: "k1", role: "writer", studio: "s" });
const user = principalOf({ id: "s/ann", role: "player", studio: "s", userId: "ann" });

Deno.test("RateLimits.charge() counts keys and users by themselves, and all together", () => {
  const { left, taking } = buckets();
  const rates = new RateLimits(taking, { key: 600, user: 700, address: 800, global: 900 });
  rates.charge(key, 3);
  rates.charge(user, 2);
  rates.charge(user, 0);
  assert.deepEqual(Object.fromEntries(left), {
    "global:": 1795,
    "key:k1": 1197,
    "user:s/ann": 1398,
  });
});

Deno.test("RateLimits.charge() takes nothing of everybody's for a key that has none left", () => {
  const { left, taking } = buckets();
  const rates = new RateLimits(taking, { ...none, key: 600, global: 900 });
  rates.charge(key, 1200);
  for (let i = 0; i < 100; i++) assert.throws(() => rates.charge(key, 5), Problem);
  assert.equal(left.get("global:"), 600);
  rates.charge(principalOf({ id: "k2", role: "writer", studio: "s" }), 600);
});

Deno.test("RateLimits.charge() tells what is left, and when to come back", () => {
  const rates = new RateLimits(buckets().taking, { ...none, key: 500 });
  const fields = rates.charge(key, 400);
  assert.deepEqual(fields, { policy: '"key";q=1000;w=2', state: '"key";r=600;t=1' });
  rates.charge(key, 600);
  assert.throws(() => rates.charge(key, 1), (problem: Problem) => {
    assert.deepEqual([problem.status, problem.code], [429, "rate_limited"]);
    assert.deepEqual(problem.options.headers, {
      "retry-after": "2",
      "ratelimit-policy": '"key";q=1000;w=2',
      "ratelimit": '"key";r=0;t=2',
    });
    return true;
  });
  assert.equal(new RateLimits(buckets().taking, none).charge(key, 1e9), undefined);
});

Deno.test("RateLimits.charge() lets in what has paid in part, once it has waited as it was told", () => {
  let now = 0;
  const rates = new RateLimits(fillingBuckets(() => now), { ...none, key: 500 });
  const ask = () => {
    rates.charge(key, 10);
    return rates.charge(key, 5000, 10);
  };
  assert.equal(ask()?.state, '"key";r=0;t=2');
  now += 1000;
  let waitSeconds = 0;
  assert.throws(ask, (problem: Problem) => {
    waitSeconds = Number(problem.options.headers?.["retry-after"]);
    return problem.status === 429;
  });
  assert.equal(waitSeconds, 2);
  now += waitSeconds * 1000;
  assert.equal(ask()?.state, '"key";r=0;t=2');
});

Deno.test("RateLimits lets a whole batch in, however low the rate", () => {
  const rates = new RateLimits(buckets().taking, { ...none, key: 1 });
  assert.equal(rates.charge(key, 1000)?.policy, '"key";q=1000;w=1000');
});

Deno.test("The gateway answers 429 beyond a limit, and tells of it before", async () => {
  const rates = new RateLimits(buckets().taking, { ...none, key: 1 });
  const gateway = testGateway({ rates });
  const first = await gateway.post(Array.from({ length: 999 }, () => event()));
  assert.deepEqual([first.status, first.headers.get("ratelimit")], [202, '"key";r=1;t=999']);
  assert.equal((await gateway.post(event())).status, 202);
  const refused = await gateway.post(event());
  assert.deepEqual([refused.status, refused.headers.get("retry-after")], [429, "2"]);
  assert.equal(gateway.platform.stored.length, 1000);
  const read = await gateway.app.request("/graphql?query={__typename}", {
    headers: { authorization: "Bearer reader" },
  });
  assert.deepEqual([read.status, read.headers.get("ratelimit")], [200, '"key";r=990;t=10']);
  await read.body?.cancel();
});

Deno.test("The gateway counts requests by their address, but those of probes", async () => {
  const rates = new RateLimits(buckets().taking, { ...none, address: 500 });
  await serving(testGateway({ rates }), async (url) => {
    const statuses: Record<number, number> = {};
    for (let i = 0; i < 1001; i++) {
      const { status, body } = await fetch(`${url}/api/v1/events`, { method: "POST" });
      await body?.cancel();
      statuses[status] = (statuses[status] ?? 0) + 1;
    }
    assert.deepEqual(statuses, { 401: 1000, 429: 1 });
    const probe = await fetch(`${url}/health/live`);
    await probe.body?.cancel();
    assert.equal(probe.status, 200);
  });
});
