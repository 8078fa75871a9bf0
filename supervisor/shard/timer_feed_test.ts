import assert from "node:assert/strict";
import { limits } from "../../schema/limits.ts";
import type { DueTimer } from "../store/store.ts";
import { away, Faults, silent } from "./testing/faults.ts";
import { ShardWorld } from "./testing/shard_world.ts";
import { gameStage, playerStage } from "./stages.ts";
import { runTimerFeed, timerEvent } from "./timer_feed.ts";

const timer = (user: string, dueAt: number, name = "session"): DueTimer => (
  { actorId: `demo/${user}`, name, dueAt }
);

/** A feed over timers that the test holds, as a store would. */
function setUp() {
  const world = new ShardWorld();
  const faults = new Faults();
  const abort = new AbortController();
  const timers: DueTimer[] = [];
  const asked: { now: number; limit: number }[] = [];
  const store = {
    dueTimers: (stage: string, partition: number, now: number, limit: number) =>
      faults.run("dueTimers", () => {
        assert.deepEqual([stage, partition], ["player", 0]);
        asked.push({ now, limit });
        const due = timers.filter((t) => t.dueAt <= now).sort((a, b) => a.dueAt - b.dueAt);
        return Promise.resolve(due.slice(0, limit));
      }),
  };
  const fired = () => world.records("player.events.raw").map((r) => JSON.parse(r.value));
  const ports = { store, log: faults.log(world.log) };
  const options = { clock: world.clock, signal: abort.signal };
  const run = (stage = playerStage()) => runTimerFeed(stage, 0, ports, options);
  return { world, faults, abort, timers, asked, fired, run };
}

Deno.test("timerEvent() is a function of the timer, and internal", () => {
  assert.deepEqual(timerEvent(timer("a/b", 5000)), {
    studio: "demo",
    user_id: "a/b",
    game_id: "",
    event_id: "session@5000",
    event_type: "$timer",
    timestamp: 5000,
    properties: { name: "session", due_at: 5000 },
    context: {},
  });
});

Deno.test("runTimerFeed() appends a due timer once, under its actor's key, within a poll", async () => {
  const { world, abort, timers, asked, fired, run } = setUp();
  timers.push(timer("ann", 1200), timer("bob", 60_000));
  const running = run();
  await world.clock.advance(1199);
  assert.deepEqual(fired(), []);
  await world.clock.advance(limits.timerPollMs);
  assert.deepEqual(fired(), [timerEvent(timer("ann", 1200))]);
  await world.clock.advance(5000);
  assert.equal(fired().length, 1, "it waits for the shard to reach the event");
  assert.equal(world.records("player.events.raw")[0]!.key, "demo/ann");
  assert.ok(asked.every(({ limit }) => limit === limits.timersPerPollMax));
  abort.abort();
  await running;
});

Deno.test("runTimerFeed() fires a timer again that was armed again", async () => {
  const { world, abort, timers, fired, run } = setUp();
  timers.push(timer("ann", 100));
  const running = run();
  await world.clock.advance(1000);
  timers[0] = timer("ann", 1100);
  await world.clock.advance(1000);
  timers.length = 0;
  await world.clock.advance(1000);
  timers.push(timer("ann", 1100));
  await world.clock.advance(1000);
  assert.deepEqual(fired().map((event) => event.properties.due_at), [100, 1100, 1100]);
  abort.abort();
  await running;
});

Deno.test("runTimerFeed() comes back from a store and a log that are away", async () => {
  const { world, faults, abort, timers, fired, run } = setUp();
  timers.push(timer("ann", 0));
  faults.fail("dueTimers", away(), away());
  faults.fail("append", away("log"), silent(true, "log"));
  const running = run();
  await world.clock.advance(5000);
  assert.equal(fired().length, 2, "once more, as nobody knew of the first");
  abort.abort();
  await running;
});

Deno.test("runTimerFeed() does nothing for a stage that keeps no journal", async () => {
  const { faults, run } = setUp();
  await run(gameStage());
  assert.deepEqual(faults.calls, []);
});
