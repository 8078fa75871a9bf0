import assert from "node:assert/strict";
import { DAY_MS } from "../../schema/limits.ts";
import { MemoryStore } from "../store/memory_store.ts";
import { FakeClock, settle } from "../tree/tree_fakes.ts";
import type { Cell } from "./cell.ts";
import { Cells } from "./cells.ts";
import { SnapshotKeeper } from "./snapshot_keeper.ts";
import { away, Faults } from "./testing/faults.ts";
import { addEvent, tallyGameStage, tallyStage } from "./testing/tally.ts";

/** A keeper over cells and a store; the test commits what it asks for. */
async function setUp(users: readonly string[] = [], stage = tallyStage) {
  const clock = new FakeClock();
  const store = new MemoryStore();
  const faults = new Faults();
  const cells = new Cells(stage, 0, faults.store(store));
  const abort = new AbortController();
  const requests: string[][] = [];
  const { epoch } = await store.takeShard("player", 0, "before");
  await store.commit({
    stage: "player",
    partition: 0,
    epoch,
    oldOffset: 0,
    newOffset: users.length,
    rows: users.map((user, offset) => ({
      offset,
      receivedAt: 100,
      actorId: `t/${user}`,
      actorKey: "0",
      value: JSON.stringify(addEvent(user, 1)),
    })),
    snapshots: [],
    outbox: [],
    timers: [],
    sources: {},
    emittedOffset: 0,
    hashChange: "0",
  });
  const keeper = new SnapshotKeeper(cells, faults.store(store), clock, (wanted) => {
    requests.push(wanted.map((cell: Cell) => cell.id));
  });
  /** As the shard does with its next commit. */
  const commit = () => {
    for (const id of requests.flat()) {
      const cell = cells.peek(id);
      if (cell === undefined) continue;
      cells.snapshot(cell);
      cell.snapshotOffset = cell.offset;
    }
    keeper.committed();
  };
  const run = () => keeper.run({ clock, signal: abort.signal });
  const end = async (running: Promise<void>) => {
    abort.abort();
    await running;
  };
  return { clock, faults, cells, requests, keeper, commit, run, end };
}

Deno.test("SnapshotKeeper snapshots what the last owner left behind, 500 actors a commit, then knows a clean time", async () => {
  const users = Array.from({ length: 1200 }, (_, i) => `u${i}`);
  const { clock, requests, keeper, commit, run, end } = await setUp(users);
  const running = run();
  await clock.advance(4_999);
  assert.equal(requests.length, 0, "the shard's own work goes first");
  keeper.appliedUntil = 7000;
  await clock.advance(1);
  assert.deepEqual(requests.map((r) => r.length), [500]);
  await clock.advance(10_000);
  assert.equal(requests.length, 1, "it waits for the commit");
  commit();
  await settle();
  assert.equal(keeper.cleanAt, undefined);
  commit();
  await settle();
  assert.deepEqual(requests.map((r) => r.length), [500, 500, 200]);
  assert.equal(new Set(requests.flat()).size, 1200);
  commit();
  await settle();
  assert.equal(keeper.cleanAt, 7000);
  await end(running);
});

Deno.test("SnapshotKeeper's clean time stays before what is still behind", async () => {
  const { clock, cells, keeper, commit, run, end } = await setUp(["a"]);
  const running = run();
  keeper.appliedUntil = 9000;
  await clock.advance(5_000);
  const late = cells.create("t/late");
  late.behindSince = 8000;
  late.rowsBehind = 1;
  commit();
  await settle();
  assert.equal(keeper.cleanAt, 8000);
  keeper.appliedUntil = 99_000;
  await clock.advance(60_000);
  assert.equal(keeper.cleanAt, 8000);
  cells.snapshot(late);
  await clock.advance(60_000);
  assert.equal(keeper.cleanAt, 99_000, "what is not applied yet is not covered");
  await end(running);
});

Deno.test("SnapshotKeeper knows no clean time before the first record is applied", async () => {
  const { clock, keeper, run, end } = await setUp();
  const running = run();
  await clock.advance(200_000);
  assert.equal(keeper.cleanAt, undefined);
  await end(running);
});

Deno.test("SnapshotKeeper snapshots who is behind for almost a day, in time", async () => {
  const { clock, cells, requests, keeper, commit, run, end } = await setUp();
  const running = run();
  keeper.appliedUntil = 1;
  await clock.advance(10_000);
  const cell = cells.create("t/idle");
  Object.assign(cell, { behindSince: clock.now(), rowsBehind: 3 });
  const busy = cells.create("t/busy");
  Object.assign(busy, { behindSince: Infinity, rowsBehind: 0 });
  const since = clock.now();
  for (let minutes = 0; requests.length === 0; minutes++) {
    assert.ok(minutes < 24 * 60, "never more than 24 h behind");
    await clock.advance(60_000);
  }
  assert.deepEqual(requests, [["t/idle"]]);
  assert.ok(clock.now() - since > DAY_MS - 20 * 60_000, "and not much sooner");
  commit();
  await clock.advance(120_000);
  assert.equal(requests.length, 1);
  await end(running);
});

Deno.test("SnapshotKeeper waits for a store that is away", async () => {
  const { clock, faults, requests, run, end } = await setUp(["a"]);
  faults.fail("behind", away(), away());
  faults.fail("load", away());
  const running = run();
  await clock.advance(10_000);
  assert.deepEqual(requests, [["t/a"]]);
  await end(running);
});

Deno.test("SnapshotKeeper stops wherever it is when its signal aborts", async () => {
  for (const afterMs of [0, 5_000, 100_000]) {
    const { clock, run, end } = await setUp(["a"]);
    const running = run();
    await clock.advance(afterMs);
    await end(running);
  }
});

Deno.test("SnapshotKeeper has nothing to do for a stage that snapshots with every commit", async () => {
  const { faults, run } = await setUp([], tallyGameStage);
  await run();
  assert.deepEqual(faults.calls, []);
});
