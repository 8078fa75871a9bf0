import assert from "node:assert/strict";
import { principalOf } from "../../schema/principal.ts";
import type { Keys } from "../auth.ts";
import { until } from "../testing/test_gateway.ts";
import { Standing } from "./standing.ts";

const principal = principalOf({ id: "app", role: "reader", studio: "demo" });
const shown = { token: "app", principal, origin: null };

Deno.test("Standing asks for a key once a look, however many hold it, and rests without any", async () => {
  let asked = 0;
  let isGood = true;
  const resolve = () => (asked++, isGood ? principal : undefined);
  const standing = new Standing({
    keys: { resolve, hmac: () => undefined },
    now: () => 0,
    lookMs: 5,
  });
  let ended = 0;
  const letGo = Array.from({ length: 50 }, () => standing.watch(shown, () => ended++));
  await until(() => asked === 3, "it has looked three times");
  assert.equal(ended, 0);
  letGo[0]!();
  isGood = false;
  await until(() => ended > 0, "it looked again");
  // In one look, and never again: the one that was let go hears of nothing.
  assert.deepEqual([ended, standing.size, asked], [49, 0, 4]);
  for (const again of letGo) again();
});

Deno.test("Standing verifies no token again, and believes what cannot be said at once", async () => {
  let asked = 0;
  const keys: Keys = {
    resolve: () => (asked++, Promise.reject(new Error("never told"))),
    hmac: () => undefined,
  };
  let now = 0;
  const standing = new Standing({ keys, now: () => now, lookMs: 5 });
  const ended: string[] = [];
  const token = { ...shown, token: "token", principal: { ...principal, until: 10 } };
  standing.watch(token, () => ended.push("token"));
  const letGo = standing.watch(shown, () => ended.push("key"));
  await until(() => asked > 1, "it has looked twice");
  assert.deepEqual(ended, []);
  now = 10;
  await until(() => ended.length > 0, "the token has expired");
  assert.deepEqual([ended, standing.size], [["token"], 1]);
  letGo();
});
