import assert from "node:assert/strict";
import { limits } from "../../schema/limits.ts";
import type { ShardHash } from "../store/store.ts";
import type { ShardOptions } from "./shard_types.ts";
import { away } from "./testing/faults.ts";
import { rawEvent, ShardWorld } from "./testing/shard_world.ts";

/** A world, and what its shards tell of taking and verifying. */
function watched() {
  const world = new ShardWorld();
  const gaps: (number | undefined)[] = [];
  const hashes: ShardHash[] = [];
  const events: ShardOptions["events"] = {
    taken: (gapMs) => gaps.push(gapMs),
    verified: (hash) => hashes.push(hash),
  };
  return { world, gaps, hashes, events: { events } };
}

const users = Array.from({ length: 40 }, (_, i) => `u${i}`);
const wave = () => users.map((user_id) => rawEvent({ user_id, session_id: "s" }));

Deno.test("Shard that is stopped leaves nobody to replay, and says when it let go", async () => {
  const { world: w, gaps, events } = watched();
  const first = w.start(events);
  await w.send(...wave(), ...wave());
  await w.settled(first);
  assert.equal((await w.store.behind("player", 0)).length, users.length);
  await w.stop(first);
  assert.deepEqual(await w.store.behind("player", 0), []);
  const second = w.start(events);
  await w.until(() => second.shard.report().state === "running");
  assert.equal(gaps[0], undefined, "nobody had it before");
  assert.ok(gaps[1]! < 1000, "on the clock of the shard");
  assert.equal((await w.profile(second, "u7"))!.eventsTotal, 2);
  await w.end("kill");
  const third = w.start(events);
  await w.until(() => third.shard.report().state === "running");
  assert.equal(
    gaps[2],
    undefined,
    "the one that was killed had committed nothing, and let go of nothing",
  );
  await w.send(...wave());
  await w.settled(third);
  await w.end("kill");
  const fourth = w.start(events);
  await w.until(() => fourth.shard.report().state === "running");
  assert.equal(gaps[3], undefined, "taken by force");
  await w.end();
});

Deno.test("Shard that is stopped while the store is away does not wait for it", async () => {
  const { world: w, gaps, events } = watched();
  const r = w.start();
  await w.send(...wave());
  await w.settled(r);
  w.faults.onCall = (_call, name) => name === "commit" ? away() : undefined;
  r.stop.abort();
  await w.until(() => r.end !== undefined, 500);
  assert.equal(r.end, "returned");
  w.faults.onCall = () => undefined;
  const next = w.start(events);
  await w.until(() => next.shard.report().state === "running");
  assert.deepEqual(gaps, [undefined], "taken by force");
  assert.equal((await w.profile(next, "u7"))!.eventsTotal, 1);
  const { recorded, summed } = await w.store.shardHash("player", 0);
  assert.equal(recorded, summed);
  await w.end();
});

Deno.test("Shard that meets a bug while it is stopped fails with it", async () => {
  const { world: w } = watched();
  const r = w.start();
  await w.send(...wave());
  await w.settled(r);
  w.faults.fail("commit", { error: new TypeError("a bug of the store") });
  r.stop.abort();
  await w.until(() => r.end !== undefined);
  assert.ok(r.end instanceof TypeError);
});

Deno.test("Shard's hash equals the sum over its rows through restarts, kills and passivation", async () => {
  const { world: w, hashes, events } = watched();
  for (let life = 0; life < 5; life++) {
    const options = { ...events, actorBytesMax: 8000 };
    const running = [w.start(options), w.startGame(options)];
    for (let i = 0; i < 3; i++) {
      await w.send(...wave());
      await w.settled(...running);
      await w.clock.advance(limits.gameCommitIntervalMs + 5000);
    }
    await w.end(life % 2 === 0 ? "kill" : "stop");
    for (const stage of ["player", "game"] as const) {
      const { recorded, summed } = await w.store.shardHash(stage, 0);
      assert.equal(recorded, summed, `${stage}, life ${life}`);
      assert.notEqual(recorded, "0");
    }
  }
  assert.ok(hashes.length >= 10);
  for (const { recorded, summed } of hashes) assert.equal(recorded, summed);
});

Deno.test("Shard reports once that its rows are not those its owners wrote", async () => {
  const { world: w, hashes, events } = watched();
  const first = w.start();
  await w.send(...wave());
  await w.settled(first);
  await w.stop(first);
  const { epoch, nextOffset } = await w.store.takeShard("player", 0, "somebody else");
  const [actor] = await w.store.load("player", 0, ["demo/u3"]);
  await w.store.commit({
    stage: "player",
    partition: 0,
    epoch,
    oldOffset: nextOffset,
    newOffset: nextOffset,
    rows: [],
    snapshots: [{ ...actor!.parts[0]!, hash: "77" }],
    outbox: [],
    timers: [],
    sources: {},
    emittedOffset: 0,
    hashChange: "0",
  });
  const second = w.start(events);
  await w.until(() => hashes.length > 0);
  assert.notEqual(hashes[0]!.recorded, hashes[0]!.summed);
  await w.clock.advance(1000);
  await w.stop(second);
  const third = w.start(events);
  await w.until(() => hashes.length > 1);
  assert.equal(hashes[1]!.recorded, hashes[1]!.summed);
  await w.stop(third);
});
