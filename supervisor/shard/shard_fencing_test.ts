import assert from "node:assert/strict";
import { InvariantBroken, OffsetMissing, Unavailable } from "../../schema/errors.ts";
import { limits } from "../../schema/limits.ts";
import { away, silent } from "./testing/faults.ts";
import { rawEvent, ShardWorld } from "./testing/shard_world.ts";

const isFenced = (end: unknown) => end instanceof Error && end.name === "Fenced";

Deno.test("Shard stops as soon as another owner has taken over, and nothing counts twice", async () => {
  const w = new ShardWorld();
  const old = w.start();
  await w.send(rawEvent(), rawEvent());
  await w.settled(old);
  const next = w.start();
  await w.until(() => next.shard.report().state === "running");
  await w.send(rawEvent());
  await w.settled(next);
  await w.until(() => old.end !== undefined);
  assert.ok(isFenced(old.end), `${old.end}`);
  assert.equal(old.commits.length, 1);
  assert.equal(w.store.rows("player", 0).length, 3);
  assert.equal(next.end, undefined);
  await w.end();
});

Deno.test("Shard's commit that reaches the store after a take-over has no effect", async () => {
  const w = new ShardWorld();
  const release = w.faults.hold("commit");
  const old = w.start();
  await w.send(rawEvent());
  await w.until(() => w.faults.count("commit") === 1);
  const next = w.start({ store: w.store });
  await w.settled(next);
  release();
  await w.until(() => old.end !== undefined);
  assert.ok(isFenced(old.end));
  assert.equal(w.store.rows("player", 0).length, 1);
  assert.equal(w.records("game.deltas").length, 1, "it published nothing either");
  await w.end();
});

Deno.test("Shard takes itself again after an unknown outcome, and counts once either way", async () => {
  for (const tookEffect of [true, false]) {
    const w = new ShardWorld();
    const r = w.start();
    await w.send(rawEvent());
    await w.settled(r);
    w.faults.fail("commit", silent(tookEffect));
    await w.send(rawEvent(), rawEvent());
    await w.settled(r);
    assert.equal(r.retaken.length, 1);
    assert.equal(w.store.rows("player", 0).length, 3);
    assert.equal((await w.profile(r))!.eventsTotal, 3);
    const { retakes, epoch, state } = r.shard.report();
    assert.deepEqual([retakes, epoch, state], [1, 2, "running"]);
    await w.end();
  }
});

Deno.test("Shard never fences a successor after an unknown outcome", async () => {
  const w = new ShardWorld();
  const old = w.start();
  await w.until(() => old.shard.report().state === "running");
  w.faults.fail("commit", silent(false));
  const release = w.faults.hold("commit");
  await w.send(rawEvent());
  await w.until(() => w.faults.count("commit") === 1);
  const next = w.start({ store: w.store });
  await w.settled(next);
  release();
  await w.until(() => old.end !== undefined);
  assert.ok(isFenced(old.end), `${old.end}`);
  await w.send(rawEvent());
  await w.settled(next);
  assert.equal(next.end, undefined);
  await w.end();
});

Deno.test("Shard takes itself again at a pace, though no commit is ever answered", async () => {
  const w = new ShardWorld();
  const r = w.start();
  w.faults.fail("commit", ...Array.from({ length: 1000 }, () => silent(false)));
  await w.send(rawEvent());
  await w.clock.advance(5_000);
  const most = 5_000 / (limits.retryDelayMsMin + limits.commitDelayMsMin);
  assert.ok(r.retaken.length >= 10 && r.retaken.length <= most, `${r.retaken.length}`);
  await w.end();
});

Deno.test("Shard keeps its counters through a retake", async () => {
  const w = new ShardWorld();
  const r = w.start();
  const x = rawEvent();
  await w.send(x, x, x);
  await w.settled(r);
  assert.equal(r.shard.report().ignored, 2);
  w.faults.fail("commit", silent(true));
  await w.send(rawEvent());
  await w.settled(r);
  const { ignored, loaded, retakes } = r.shard.report();
  assert.deepEqual([ignored, retakes], [2, 1]);
  await w.send(x);
  await w.settled(r);
  assert.deepEqual([r.shard.report().ignored, r.shard.report().loaded], [3, loaded + 1]);
  await w.end();
});

Deno.test("Shard asked in the middle of a retake is Unavailable, and answers after it", async () => {
  const w = new ShardWorld();
  const r = w.start();
  await w.send(rawEvent());
  await w.settled(r);
  w.faults.fail("commit", silent(true));
  const release = w.faults.hold("takeShard");
  await w.send(rawEvent());
  await w.until(() => r.retaken.length === 1);
  await w.clock.advance(1000);
  await assert.rejects(w.profile(r), { name: "Unavailable", message: "player/0 is starting" });
  release();
  await w.settled(r);
  assert.equal((await w.profile(r))!.eventsTotal, 2);
  await w.end();
});

Deno.test("Shard halts when the log has lost what it has not read, and never skips it", async () => {
  const w = new ShardWorld();
  const first = w.start();
  await w.send(rawEvent(), rawEvent());
  await w.settled(first);
  await w.stop(first);
  await w.send(rawEvent(), rawEvent());
  await w.log.trim("player.events.raw", 0, 3);
  const r = w.start();
  await w.until(() => r.end !== undefined);
  assert.ok(r.end instanceof OffsetMissing);
  assert.match(r.end.message, /player\.events\.raw\/0 at offset 2: the log holds 3 to 4/);
  assert.equal(w.store.rows("player", 0).length, 2);
});

Deno.test("Shard fails with a broken snapshot's error, and can be run again", async () => {
  const w = new ShardWorld();
  const first = w.start();
  await w.send(rawEvent());
  await w.settled(first);
  await w.stop(first);
  const r = w.start();
  await w.until(() => r.shard.report().state === "running");
  w.faults.fail("load", { error: new InvariantBroken("its checksum is wrong") });
  await w.send(rawEvent());
  await w.until(() => r.end !== undefined);
  assert.ok(r.end instanceof InvariantBroken);
  assert.equal(r.shard.report().state, "stopped");
  const again = r.shard.run(new AbortController().signal, r.kill.signal);
  await w.until(() => w.isSettled(r));
  assert.equal((await w.profile(r))!.eventsTotal, 2);
  r.kill.abort();
  await w.clock.advance(100);
  await again;
});

Deno.test("Shard fails with a transient error that nobody tries again: it never ends in silence", async () => {
  const w = new ShardWorld();
  const error = new Unavailable("store", "thrown where nothing should");
  const committed = () => {
    throw error;
  };
  const r = w.start({ events: { committed } });
  await w.send(rawEvent());
  await w.until(() => r.end !== undefined);
  assert.equal(r.end, error);
});

Deno.test("Shard that fails leaves nothing running", async () => {
  const w = new ShardWorld();
  const r = w.start();
  await w.until(() => r.shard.report().state === "running");
  w.faults.fail("commit", { error: new TypeError("a bug of the store") });
  await w.send(rawEvent());
  await w.until(() => r.end !== undefined);
  assert.ok(r.end instanceof TypeError);
  const calls = w.faults.calls.length;
  await w.clock.advance(600_000);
  assert.equal(w.faults.calls.length, calls);
  assert.equal(w.clock.sleeping, 0);
});

Deno.test("Shard waits for a store that is away for long, and loses nothing", async () => {
  const w = new ShardWorld();
  const r = w.start();
  await w.until(() => r.shard.report().state === "running");
  w.faults.fail("commit", ...Array.from({ length: 30 }, () => away()));
  for (let i = 0; i < 20; i++) {
    await w.send(rawEvent());
    await w.clock.advance(2_000);
  }
  await w.settled(r);
  assert.equal(r.retaken.length, 0);
  assert.deepEqual(r.shard.report().epoch, 1);
  assert.equal(w.store.rows("player", 0).length, 20);
  await w.end();
});
