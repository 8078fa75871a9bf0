import assert from "node:assert/strict";
import { InvalidInput } from "../../schema/errors.ts";
import { type PlayerEvent } from "../../schema/event.ts";
import type { PlayerProfile } from "../../schema/queries/player_queries.ts";
import { rawEvent, type Running, ShardWorld, wrapReceive } from "../shard/testing/shard_world.ts";
import { addEvent, tallyStage } from "../shard/testing/tally.ts";
import { checkEffects } from "./effects_check.ts";
import { asOfPoint, parsePoint } from "./point.ts";
import { diffActor, replayInShard } from "./time_travel.ts";

/** The stage as a defect had it: `doubled` counted twice. */
const doubling = (doubled: string) =>
  wrapReceive(tallyStage, (receive) => (state, message, ctx) => {
    const event = message as PlayerEvent;
    if (event.event_id !== doubled) return receive(state, message, ctx);
    const n = 2 * Number(event.properties["n"]);
    return receive(state, { ...event, properties: { n } }, ctx);
  });

const up = (world: ShardWorld, running: Running) =>
  world.until(() => running.shard.report().epoch > 0);

Deno.test("replayInShard() agrees with snapshot, memory and published effects of players over owners and commits", async () => {
  const world = new ShardWorld();
  const first = world.start();
  for (let i = 0; i < 4; i++) {
    await world.send(
      rawEvent({ event_type: "purchase", properties: { amount: 5, currency: "USD" } }),
      rawEvent({ user_id: "bob", properties: { score: i } }),
    );
    await world.settled(first);
  }
  await world.stop(first);
  const second = world.start();
  await world.send(rawEvent(), rawEvent({ user_id: "bob" }));
  await world.settled(second);
  const report = await replayInShard(second.shard, "demo/ann");
  assert.ok(report !== null && report.agrees);
  assert.deepEqual([report.events, report.version], [5, "0:8"]);
  assert.equal(report.live?.hash, report.hash);
  const told = await second.shard.ask("demo/ann", { type: "profile" }, world.clock.now());
  assert.equal((told as PlayerProfile).stateHash, report.hash);
  assert.deepEqual(
    [report.snapshot?.version, report.snapshot?.agrees, report.snapshot?.differences],
    ["0:6", true, []],
  );
  assert.deepEqual(
    [report.effects.agrees, report.effects.commits_checked, report.effects.events_unchecked],
    [true, 5, 0],
  );
  assert.equal(await replayInShard(second.shard, "demo/nobody"), null);
  const past = await replayInShard(second.shard, "demo/ann", { offset: 3 });
  assert.deepEqual([past?.events, past?.live, past?.agrees], [2, null, true]);
  await world.end();
});

Deno.test("replayInShard() says at which event state and effects part from what was recorded", async () => {
  const world = new ShardWorld();
  const events = [1, 2, 3, 4].map((n) => addEvent("a", n));
  const first = world.start({ stage: doubling(events[2]!.event_id) });
  await world.send(events[0]!, addEvent("b", 7), events[1]!);
  await world.settled(first);
  await world.send(events[2]!, addEvent("b", 7), events[3]!);
  await world.settled(first);
  await world.stop(first);
  const second = world.start({ stage: tallyStage });
  await up(world, second);
  const report = await replayInShard(second.shard, "t/a");
  assert.ok(report !== null && !report.agrees);
  for (const compared of [report.snapshot!, report.live!]) {
    assert.equal(compared.agrees, false);
    assert.deepEqual(compared.differences, [{ path: "/state/sum", before: 13, after: 10 }]);
    // The sums 1, 3 never were 13, and the run never reaches it: no event is to be named.
    assert.equal(compared.parts_at, null);
  }
  const { effects } = report;
  assert.deepEqual([effects.agrees, effects.commits_checked], [false, 2]);
  assert.deepEqual(effects.differences.map(({ path }) => path), [
    "/t~1game/totals/ccu",
    "/t~1game/scores/b/t~1a",
  ]);
  assert.equal(effects.parts_at?.event_id, events[2]!.event_id);
  assert.equal(effects.parts_at?.position, "0:3");
  // Bob shares the commits and is found innocent.
  const bob = await replayInShard(second.shard, "t/b");
  assert.deepEqual([bob?.snapshot?.agrees, bob?.live?.agrees], [true, true]);
  await world.end();
});

Deno.test("replayInShard() names the event from which a recorded state was left behind", async () => {
  const world = new ShardWorld();
  const events = [1, 2, 3, 4].map((n) => addEvent("a", n));
  // The defect lost an event, and all after it went on from there.
  const lost = wrapReceive(tallyStage, (receive) => (state, message, ctx) => {
    const before = structuredClone(state);
    const effects = receive(state, message, ctx);
    if ((message as PlayerEvent).event_id === events[3]!.event_id) Object.assign(state, before);
    return effects;
  });
  const first = world.start({ stage: lost });
  await world.send(...events);
  await world.settled(first);
  await world.stop(first);
  const second = world.start({ stage: tallyStage });
  await up(world, second);
  const report = await replayInShard(second.shard, "t/a");
  assert.deepEqual(report?.snapshot?.differences, [
    { path: "/state/sum", before: 6, after: 10 },
    { path: "/state/offsets/3", after: 3 },
  ]);
  assert.equal(report?.snapshot?.parts_at?.event_id, events[3]!.event_id);
  assert.equal(report?.effects.agrees, true, "it told its game all the same");
  await world.end();
});

Deno.test("diffActor() tells what changed between two points, from before the first event on", async () => {
  const world = new ShardWorld();
  const running = world.start({ stage: tallyStage });
  await world.send(addEvent("a", 1), addEvent("b", 9), addEvent("a", 2));
  await world.settled(running);
  const diff = await diffActor(running.shard, "t/a", { offset: 1 }, { offset: 2 });
  assert.deepEqual([diff?.from.version, diff?.to.version], ["0:0", "0:2"]);
  assert.deepEqual(diff?.changes, [
    { path: "/state/sum", before: 1, after: 3 },
    { path: "/state/offsets/1", after: 2 },
  ]);
  const whole = await diffActor(running.shard, "t/a", { receivedAt: -1 }, undefined);
  assert.deepEqual(whole?.from, { version: null, hash: null });
  assert.deepEqual(whole?.changes, [{ path: "/state", after: { sum: 3, offsets: [0, 2] } }]);
  assert.equal(await diffActor(running.shard, "t/nobody", { offset: 0 }, undefined), null);
  await world.end();
});

Deno.test("checkEffects() judges by commits alone that it sees whole", async () => {
  const world = new ShardWorld();
  const running = world.start({ stage: tallyStage });
  for (let n = 1; n <= 6; n++) {
    await world.send(addEvent("a", n));
    await world.settled(running);
  }
  const ports = { stage: tallyStage, partition: 0, store: world.store, log: world.log };
  const [stored] = await world.store.load("player", 0, ["t/a"], { fromStart: true });
  const look = async (most?: number) => {
    const { agrees, commits_checked, events_unchecked } = await checkEffects(
      ports,
      "t/a",
      stored!.journal,
      most,
    );
    return [agrees, commits_checked, events_unchecked];
  };
  assert.deepEqual(await look(), [true, 6, 0]);
  assert.deepEqual(await look(4), [true, 2, 4], "the first seen whole has an unknown beginning");
  assert.deepEqual(await look(1), [null, 0, 6]);
  await world.end();
});

Deno.test("replayInShard() refuses an actor without a journal", async () => {
  const world = new ShardWorld();
  const running = world.startGame();
  await up(world, running);
  await assert.rejects(replayInShard(running.shard, "demo/g"), InvalidInput);
  await world.end();
});

Deno.test("parsePoint() reads a time or a place in the log, and refuses the rest", () => {
  assert.deepEqual(parsePoint("from", "3:17"), { partition: 3, offset: 17 });
  assert.deepEqual(parsePoint("from", "1970-01-01T00:00:01Z"), { receivedAt: 1000 });
  for (const text of ["", "3", "3:", ":3", "3:x", "-1:3", "3:1:2", "yesterday", "1970-01-01"]) {
    assert.throws(() => parsePoint("from", text), { code: "invalid_timestamp" }, text);
  }
  assert.deepEqual(asOfPoint({ partition: 3, offset: 17 }, 3), { offset: 17 });
  assert.deepEqual(asOfPoint({ receivedAt: 5 }, 3), { receivedAt: 5 });
  assert.throws(() => asOfPoint({ partition: 2, offset: 17 }, 3), { code: "wrong_partition" });
});
