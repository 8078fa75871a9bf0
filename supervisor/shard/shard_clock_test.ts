import assert from "node:assert/strict";
import type { Clock } from "./clock.ts";
import { rawEvent, ShardWorld } from "./testing/shard_world.ts";

const hourMs = 3_600_000;

/** A world whose clock an operator, or NTP, can set. */
function worldWithSetClock() {
  const w = new ShardWorld();
  const set = { byMs: 0 };
  const clock: Clock = {
    now: () => w.clock.now() + set.byMs,
    sleep: (ms, signal) => w.clock.sleep(ms, signal),
  };
  return { w, set, clock };
}

Deno.test("Shard goes on trimming its topic when the clock is set back by an hour", async () => {
  const { w, set, clock } = worldWithSetClock();
  const r = w.start({ clock });
  const trimsOfOneMore = async () => {
    const before = w.faults.count("trim");
    await w.clock.advance(20_000);
    await w.send(rawEvent());
    await w.settled(r);
    return w.faults.count("trim") - before;
  };
  assert.equal(await trimsOfOneMore(), 1);
  set.byMs = -hourMs;
  assert.equal(await trimsOfOneMore(), 1);
  await w.end();
});

Deno.test("Shard says of no commit that it took less than no time", async () => {
  const { w, set, clock } = worldWithSetClock();
  const took: number[] = [];
  w.faults.onCall = (_, name) => void (name === "commit" && (set.byMs -= hourMs));
  const r = w.start({ clock, events: { committed: (_batch, _actors, ms) => took.push(ms) } });
  await w.send(rawEvent());
  await w.settled(r);
  assert.deepEqual([took, r.shard.report().commitMs], [[0], 0]);
  await w.end();
});
