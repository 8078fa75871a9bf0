import assert from "node:assert/strict";
import { MemoryLog } from "../log/memory_log.ts";
import type { OutboxEntry, OutboxRecord } from "../store/store.ts";
import { FakeClock, settle } from "../tree/tree_fakes.ts";
import { Emitter } from "./emitter.ts";
import { away, Faults, silent } from "./testing/faults.ts";
import { onePartition } from "./testing/shard_world.ts";

const record = (value: string, topic: OutboxRecord["topic"] = "game.deltas"): OutboxRecord => (
  { topic, partition: 0, key: "player/0", value }
);
const entry = (endOffset: number, ...records: OutboxRecord[]): OutboxEntry => (
  { endOffset, records: records.length > 0 ? records : [record(`${endOffset}`)] }
);

function setUp(unpublished: OutboxEntry[] = [], emittedOffset = 0) {
  const clock = new FakeClock();
  const log = new MemoryLog({ topics: onePartition, now: () => clock.now() });
  const faults = new Faults();
  const abort = new AbortController();
  const emitter = new Emitter(faults.log(log), unpublished, emittedOffset);
  const values = (topic: OutboxRecord["topic"] = "game.deltas") =>
    log.storage[topic].flatMap((p) => p.records.map((r) => r.value));
  const run = () => emitter.run({ clock, signal: abort.signal });
  return { clock, log, faults, abort, emitter, values, run };
}

Deno.test("Emitter publishes what the last owner left, then what comes, in order", async () => {
  const { emitter, values, run } = setUp([entry(3), entry(7)], 2);
  assert.deepEqual([emitter.emittedOffset, emitter.waiting], [2, 2]);
  const running = run();
  emitter.push(entry(9));
  await settle();
  assert.deepEqual(values(), ["3", "7", "9"]);
  emitter.push(entry(12));
  await settle();
  assert.deepEqual([values().at(-1), emitter.emittedOffset, emitter.waiting], ["12", 12, 0]);
  emitter.end();
  await running;
});

Deno.test("Emitter groups an entry by topic and keeps the order within each", async () => {
  const letter = (value: string) => record(value, "dlq.events");
  const { emitter, faults, values, run } = setUp([
    entry(1, record("a"), letter("x"), record("b"), letter("y")),
  ]);
  emitter.end();
  await run();
  assert.deepEqual([values(), values("dlq.events")], [["a", "b"], ["x", "y"]]);
  assert.equal(faults.count("append"), 2);
});

Deno.test("Emitter hands a record's trace on to the log", async () => {
  const trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  const { emitter, log, run } = setUp([entry(1, { ...record("a"), trace }, record("b"))]);
  emitter.end();
  await run();
  const published = log.storage["game.deltas"].flatMap((p) => p.records);
  assert.deepEqual(published.map((r) => r.trace), [trace, undefined]);
});

Deno.test("Emitter has one publish in flight and moves its cursor after it", async () => {
  const { emitter, faults, values, run } = setUp([entry(1), entry(2)]);
  const release = faults.hold("append");
  emitter.end();
  const running = run();
  await settle();
  assert.deepEqual([faults.calls, emitter.emittedOffset], [["append"], 0]);
  release();
  await running;
  assert.deepEqual([values(), emitter.emittedOffset], [["1", "2"], 2]);
});

Deno.test("Emitter waits for a log that is away, repeats what it does not know of, and goes on", async () => {
  const { clock, emitter, faults, values, run } = setUp([entry(1), entry(2)]);
  faults.fail("append", away("log"), silent(true, "log"), silent(false, "log"));
  emitter.end();
  const running = run();
  await clock.advance(1000);
  await running;
  assert.deepEqual(values(), ["1", "1", "2"]);
});

Deno.test("Emitter.end() lets everything out before run() returns", async () => {
  const { clock, emitter, faults, values, run } = setUp([entry(1)]);
  faults.fail("append", away("log"), away("log"));
  const running = run();
  emitter.push(entry(2));
  emitter.end();
  let done = false;
  void running.then(() => done = true);
  await clock.advance(100);
  assert.equal(done, false);
  await clock.advance(1000);
  assert.ok(done);
  assert.deepEqual(values(), ["1", "2"]);
});

Deno.test("Emitter.run() stops between entries when its signal aborts", async () => {
  const { abort, emitter, values, run } = setUp();
  const running = run();
  await settle();
  abort.abort();
  await running;
  emitter.push(entry(1));
  await run();
  assert.deepEqual(values(), []);
});

Deno.test("Emitter.run() throws the log's error when it is stopped while the log is away", async () => {
  const { abort, faults, run } = setUp([entry(1)]);
  faults.fail("append", away("log"), away("log"));
  const running = run();
  const rejected = assert.rejects(running, { name: "Unavailable" });
  await settle();
  abort.abort();
  await rejected;
});

Deno.test("Emitter.room() waits while 16 entries are waiting", async () => {
  const { abort, emitter, faults, run } = setUp(Array.from({ length: 15 }, (_, i) => entry(i + 1)));
  await emitter.room(abort.signal);
  emitter.push(entry(16));
  let hasRoom = false;
  void emitter.room(abort.signal).then(() => hasRoom = true);
  const release = faults.hold("append");
  emitter.end();
  const running = run();
  await settle();
  assert.equal(hasRoom, false);
  release();
  await running;
  assert.ok(hasRoom);
});

Deno.test("Emitter.room() gives up when its signal aborts", async () => {
  const { abort, emitter } = setUp(Array.from({ length: 16 }, (_, i) => entry(i + 1)));
  const room = emitter.room(abort.signal);
  abort.abort();
  await room;
});
