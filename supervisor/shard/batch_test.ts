import assert from "node:assert/strict";
import type { DeadLetter } from "../../schema/event.ts";
import { limits } from "../../schema/limits.ts";
import { partitionOf } from "../../schema/partition.ts";
import { topicTable } from "../../schema/topics.ts";
import { MemoryStore } from "../store/memory_store.ts";
import { Batch, type BatchOwner } from "./batch.ts";
import { Cells } from "./cells.ts";
import { tallyGameStage, tallyStage } from "./testing/tally.ts";

const owner: BatchOwner = {
  stage: "player",
  partition: 3,
  epoch: 7,
  emittedOffset: 90,
  cleanAt: undefined,
};
const topics = topicTable();
const cellsOf = (stage = tallyStage) => new Cells(stage, 3, new MemoryStore());
const record = (offset: number, timestamp = 0, value = "{}") => (
  { offset, timestamp, key: "t/a", value }
);
const letter: DeadLetter = {
  studio: "t",
  source: "player",
  code: "poison",
  message: "m",
  payload: "{}",
};
const delta = (game: string, by: number) => ({ type: "delta" as const, game, metric: "ccu", by });

Deno.test("Batch is empty until a record is finished or a snapshot is asked for", () => {
  const batch = new Batch(10);
  assert.ok(batch.isEmpty && !batch.isFull);
  batch.finish(record(10));
  assert.ok(!batch.isEmpty);
  const other = new Batch(10);
  other.snapshots.add("t/a");
  assert.ok(!other.isEmpty);
});

Deno.test("Batch.seal() gives what its owner and its records say", () => {
  const batch = new Batch(10);
  batch.finish(record(10, 500));
  batch.finish(record(11, 400));
  batch.sources["player/1"] = [5, 0];
  const { rows: _, ...sealed } = batch.seal({ ...owner, cleanAt: 77 }, cellsOf(), topics);
  assert.deepEqual(sealed, {
    stage: "player",
    partition: 3,
    epoch: 7,
    oldOffset: 10,
    newOffset: 12,
    snapshots: [],
    outbox: [],
    timers: [],
    sources: { "player/1": [5, 0] },
    emittedOffset: 90,
    hashChange: "0",
    cleanAt: 77,
  });
  assert.ok(!("cleanAt" in batch.seal(owner, cellsOf(), topics)), "unknown is not zero");
});

Deno.test("Batch.seal() folds deltas into one record a target partition, each with its own position", () => {
  const batch = new Batch(10);
  const games = Array.from({ length: 40 }, (_, i) => `t/g${i}`);
  for (const game of games) batch.addEffects("t/a", [delta(game, 1), delta(game, 2)], 5);
  batch.finish(record(14, 1234));
  const { outbox } = batch.seal(owner, cellsOf(), topics);
  const seen = new Map<string, number>();
  outbox.forEach(({ topic, partition, key, value }, index) => {
    const folded = JSON.parse(value);
    assert.deepEqual([topic, key], ["game.deltas", "player/3"]);
    assert.deepEqual([folded.source, folded.position, folded.at], ["player/3", [15, index], 1234]);
    for (const [game, { totals }] of Object.entries<{ totals: { ccu: number } }>(folded.games)) {
      assert.equal(partitionOf(game, 6), partition);
      seen.set(game, totals.ccu);
    }
  });
  assert.equal(new Set(outbox.map((r) => r.partition)).size, outbox.length);
  assert.deepEqual([...seen].sort(), games.map((game) => [game, 3]).sort());
});

Deno.test("Batch.seal() keeps the last change of each timer", () => {
  const batch = new Batch(0);
  const timer = (actor: string, name: string, dueAt: number | null) =>
    batch.addEffects(actor, [{ type: "timer", name, dueAt }], 5);
  timer("t/a", "x", 5);
  timer("t/b", "x", 6);
  timer("t/a", "y", 7);
  timer("t/a", "x", null);
  batch.finish(record(0));
  assert.deepEqual(batch.seal(owner, cellsOf(), topics).timers, [
    { actorId: "t/a", name: "x", dueAt: null },
    { actorId: "t/b", name: "x", dueAt: 6 },
    { actorId: "t/a", name: "y", dueAt: 7 },
  ]);
});

Deno.test("Batch.park() sends dead letters through the outbox, after the deltas", () => {
  const batch = new Batch(0);
  batch.park("t/a", letter);
  batch.addEffects("t/b", [delta("t/g", 1)], 5);
  batch.finish(record(0));
  assert.deepEqual([batch.parked, batch.size], [1, 1]);
  const { outbox } = batch.seal(owner, cellsOf(), topics);
  assert.deepEqual(outbox.map((r) => r.topic), ["game.deltas", "dlq.events"]);
  const { partition, key, value } = outbox[1]!;
  assert.deepEqual([partition, key], [partitionOf("t/a", 3), "t/a"]);
  assert.deepEqual(JSON.parse(value), letter);
});

Deno.test("Batch.seal() snapshots journalled actors when asked, others whenever they changed", () => {
  for (const [stage, expected] of [[tallyStage, ["t/b"]], [tallyGameStage, ["t/a"]]] as const) {
    const cells = cellsOf(stage);
    for (const id of ["t/a", "t/b", "t/c"]) cells.create(id).offset = 4;
    const batch = new Batch(0);
    batch.touched.add("t/a");
    batch.snapshots.add("t/b");
    batch.snapshots.add("t/gone");
    batch.finish(record(4));
    const parts = batch.seal(owner, cells, topics).snapshots;
    assert.deepEqual(parts.map((p) => [p.actorId, p.offset]), expected.map((id) => [id, 4]));
  }
});

Deno.test("Batch.isFull at its ceiling of messages, of dead letters and of text", () => {
  const applied = { actorId: "t/a", record: record(0) };
  const many = new Batch(0);
  for (let i = 0; i < limits.commitRowsMax; i++) {
    assert.ok(!many.isFull);
    many.applied.push(applied);
  }
  assert.ok(many.isFull);

  const letters = new Batch(0);
  for (let i = 0; i < limits.commitRowsMax; i++) letters.park("t/a", letter);
  assert.ok(letters.isFull);

  const large = new Batch(0);
  const text = "x".repeat(limits.eventBytesMax);
  for (let i = 0; i < limits.commitBytesMax / limits.eventBytesMax; i++) {
    assert.ok(!large.isFull);
    large.finish(record(i, 0, text));
  }
  assert.ok(large.isFull);

  const bundles = new Batch(0);
  const payload = "x".repeat(limits.commitBytesMax / 4);
  for (let i = 0; i < 4; i++) {
    assert.ok(!bundles.isFull);
    bundles.park("t/a", { ...letter, payload });
  }
  assert.ok(bundles.isFull);
});
