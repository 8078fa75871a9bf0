import assert from "node:assert/strict";
import { away } from "./testing/faults.ts";
import { rawEvent, ShardWorld } from "./testing/shard_world.ts";
import { addEvent, tallyStage } from "./testing/tally.ts";

const eventsOf = (count: number, user = "ann") =>
  Array.from({ length: count }, () => rawEvent({ user_id: user }));

Deno.test("Shard.ask() is Unavailable while nobody owns the shard", async () => {
  const w = new ShardWorld();
  const release = w.faults.hold("takeShard");
  const r = w.start();
  const unavailable = { name: "Unavailable", resource: "shard" };
  await assert.rejects(w.profile(r), { ...unavailable, message: "player/0 is starting" });
  release();
  await w.until(() => r.shard.report().state === "running");
  assert.equal(await w.profile(r), undefined);
  await w.end();
  await assert.rejects(w.profile(r), { ...unavailable, message: "player/0 is stopped" });
});

Deno.test("Shard.ask() loads who is not live, and knows nothing of who was never seen", async () => {
  const w = new ShardWorld();
  const first = w.start();
  await w.send(...eventsOf(2));
  await w.settled(first);
  await w.stop(first);
  const second = w.start();
  await w.until(() => second.shard.report().state === "running");
  assert.equal(second.shard.report().actors, 0);
  const profile = await w.profile(second);
  assert.deepEqual([profile!.eventsTotal, profile!.version], [2, "0:1"]);
  assert.equal(await w.profile(second, "nobody"), undefined);
  assert.equal(second.shard.report().actors, 1);
  await w.end();
});

Deno.test("Shard.ask() tells of a store that is away", async () => {
  const w = new ShardWorld();
  const first = w.start();
  await w.send(rawEvent());
  await w.settled(first);
  await w.stop(first);
  const r = w.start();
  await w.until(() => r.shard.report().state === "running");
  w.faults.fail("load", away());
  await assert.rejects(w.profile(r), { name: "Unavailable", resource: "store" });
  assert.equal(r.end, undefined);
  await w.end();
});

Deno.test("Shard.ask() does not trouble the store for a player whom it cannot know", async () => {
  const w = new ShardWorld();
  const r = w.start();
  await w.until(() => r.shard.report().state === "running");
  assert.equal(await w.profile(r), undefined);
  assert.equal(w.faults.count("load"), 0, "in its first life the shard has seen everybody");
  await w.send(rawEvent());
  await w.settled(r);
  await w.stop(r);
  const later = w.start();
  await w.until(() => later.shard.report().state === "running");
  assert.equal(await w.profile(later, "bob"), undefined);
  assert.equal(w.faults.count("load"), 1, "a later one has to look");
  await w.until(() => w.faults.count("snapshotted") === 1);
  await w.clock.advance(0);
  assert.equal(await w.profile(later, "bob"), undefined);
  assert.equal((await w.profile(later))!.eventsTotal, 1);
  assert.equal(w.faults.calls.filter((name) => name === "load").length, 2, "until it has learned");
  await w.end();
});

Deno.test("Shard.ask() does not take a player for seen whose only message changed nothing", async () => {
  const w = new ShardWorld();
  const r = w.start();
  await w.send(rawEvent({ event_type: "$timer", properties: { name: "session", due_at: 5 } }));
  await w.settled(r);
  assert.equal(await w.profile(r), undefined);
  await w.end();
});

Deno.test("Shard.ask() answers as of an arrival time or an offset", async () => {
  const w = new ShardWorld();
  const r = w.start();
  for (let i = 0; i < 3; i++) {
    await w.clock.advance(1000);
    await w.send(rawEvent());
  }
  await w.settled(r);
  const total = async (asOf: object) => {
    const profile = await r.shard.ask("demo/ann", { type: "profile" }, w.clock.now(), asOf);
    return (profile as { eventsTotal: number } | undefined)?.eventsTotal;
  };
  assert.equal(await total({ receivedAt: 999 }), undefined);
  assert.equal(await total({ receivedAt: 1000 }), 1);
  assert.equal(await total({ receivedAt: 2999 }), 2);
  assert.equal(await total({ offset: 1 }), 2);
  assert.equal(await total({ receivedAt: 1e9 }), 3);
  assert.equal((await w.profile(r))!.eventsTotal, 3, "the live one is untouched");
  await w.end();
});

Deno.test("Shard.ask() cannot go back in games, which keep no journal", async () => {
  const w = new ShardWorld();
  const r = w.startGame();
  await w.until(() => r.shard.report().state === "running");
  await assert.rejects(r.shard.ask("demo/g", { type: "totals" }, 0, { offset: 1 }), {
    name: "InvalidInput",
    code: "as_of_unsupported",
  });
  await w.end();
});

Deno.test("Shard.inspect() gives every part of an actor, and says whether it was live", async () => {
  const w = new ShardWorld();
  const r = w.start({ stage: tallyStage });
  await w.send(addEvent("a", 5), addEvent("a", 6));
  await w.settled(r);
  const live = (await r.shard.inspect("t/a"))!;
  const parts = [{ part: "", body: '{"sum":11,"offsets":[0,1]}' }];
  assert.deepEqual([live.live, live.parts, live.cell.offset], [true, parts, 1]);
  const past = (await r.shard.inspect("t/a", { offset: 0 }))!;
  const before = [{ part: "", body: '{"sum":5,"offsets":[0]}' }];
  assert.deepEqual([past.live, past.parts, past.cell.offset], [false, before, 0]);
  assert.equal(await r.shard.inspect("t/nobody"), undefined);
  await w.end();
});
