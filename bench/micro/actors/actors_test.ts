import assert from "node:assert/strict";
import { contestants, measure, type Sizes } from "./actors.ts";
import { ours } from "./ours.ts";

const sizes: Sizes = { players: 5, messages: 50, asks: 300, spawns: 20, rounds: 1 };

for (const who of contestants) {
  Deno.test(`measure() has ${who.name} do the whole job`, async () => {
    const { name, apply, ask, spawn, bytesPerActor } = await measure(who, sizes);
    assert.equal(name, who.name);
    for (const rate of [apply, ask, spawn]) assert.ok(Number.isFinite(rate) && rate > 0);
    assert.equal(bytesPerActor, null, "tests have no gc()");
  });
}

Deno.test("measure() fails a runtime that counts wrongly", async () => {
  const lying = { ...ours, name: "liar", apply: () => Promise.resolve(49) };
  await assert.rejects(measure(lying, sizes), /liar counted 49 where 50 were due/);
});
