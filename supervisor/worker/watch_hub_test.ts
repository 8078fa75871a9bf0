import assert from "node:assert/strict";
import { limits } from "../../schema/limits.ts";
import type { RecordedEvent } from "../platform.ts";
import { WatchHub, type WatchSpec } from "./watch_hub.ts";
import type { WorkerWatch } from "./worker_protocol.ts";

const events: WatchSpec = { type: "events", studio: "demo", filter: {} };
const ann: WatchSpec = { type: "actor", stage: "player", actorId: "demo/ann" };

function recorded(id: string): RecordedEvent {
  return {
    id,
    type: "t",
    userId: "ann",
    gameId: "g",
    sessionId: null,
    timestamp: 0,
    receivedAt: 0,
    properties: {},
    context: {},
    position: "0:0",
  };
}
const many = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, i) => recorded(`${from + i}`));

function setUp() {
  const told: WorkerWatch[] = [];
  const forgotten: number[] = [];
  const hub = new WatchHub((watch) => told.push(watch), (id) => forgotten.push(id));
  return { hub, told, forgotten };
}

/** The ids of the next values; `null` for a notice. */
async function take(values: AsyncIterator<RecordedEvent | null>, count: number) {
  const ids: (string | null)[] = [];
  for (let i = 0; i < count; i++) {
    const { value, done } = await values.next();
    if (done === true) break;
    ids.push(value === null ? null : value.id);
  }
  return ids;
}

const iterate = (values: AsyncIterable<RecordedEvent | null>) => values[Symbol.asyncIterator]();

Deno.test("WatchHub.watch() tells the workers before its first value is asked for", () => {
  const { hub, told } = setUp();
  hub.watch(events, new AbortController().signal);
  hub.watch(ann, new AbortController().signal);
  assert.deepEqual(told, [{ ...events, id: 1 }, { ...ann, id: 2 }]);
  assert.deepEqual(hub.watches(), told, "a worker that starts later gets them, too");
  assert.equal(hub.size, 2);
});

Deno.test("WatchHub.watch() gives what fires before and while it is read, in order, to its own watch only", async () => {
  const { hub } = setUp();
  const abort = new AbortController();
  const a = iterate(hub.watch(events, abort.signal));
  const b = iterate(hub.watch(events, abort.signal));
  hub.fired({ id: 1, events: many(0, 2) });
  hub.fired({ id: 2, events: many(7, 8) });
  assert.deepEqual(await take(a, 2), ["0", "1"]);
  const next = take(a, 3);
  hub.fired({ id: 1, events: many(2, 3) });
  hub.fired({ id: 99, events: many(0, 1) });
  hub.fired({ id: 1, events: many(3, 5) });
  assert.deepEqual(await next, ["2", "3", "4"]);
  assert.deepEqual(await take(b, 1), ["7"]);
  abort.abort();
});

Deno.test("WatchHub gives one notice for an actor that changed many times before it was read", async () => {
  const { hub } = setUp();
  const abort = new AbortController();
  const values = iterate(hub.watch(ann, abort.signal));
  for (let i = 0; i < 100; i++) hub.fired({ id: 1, events: null });
  assert.deepEqual(await take(values, 1), [null]);
  const next = take(values, 2);
  await Promise.resolve();
  abort.abort();
  assert.deepEqual(await next, []);
});

Deno.test("WatchHub keeps at most 1,000 values for a reader that is slow, the newest", async () => {
  const { hub } = setUp();
  const abort = new AbortController();
  const max = limits.subscriptionQueueMax;
  const values = iterate(hub.watch(events, abort.signal));
  hub.fired({ id: 1, events: many(0, max + 500) });
  for (let i = 0; i < 700; i++) {
    hub.fired({ id: 1, events: many(max + 500 + i, max + 501 + i) });
  }
  const ids = await take(values, max);
  assert.deepEqual([ids[0], ids[1], ids.at(-1)], [null, "1201", `${1200 + max - 1}`]);
  abort.abort();
  assert.deepEqual(await take(values, 1), []);
});

Deno.test("WatchHub loses the oldest while a reader is in the middle of its queue, too", async () => {
  const { hub } = setUp();
  const abort = new AbortController();
  const max = limits.subscriptionQueueMax;
  const values = iterate(hub.watch(events, abort.signal));
  hub.fired({ id: 1, events: many(0, max) });
  assert.deepEqual(await take(values, 1), ["0"]);
  hub.fired({ id: 1, events: many(max, 2 * max) });
  assert.deepEqual(await take(values, 2), [null, `${max + 1}`]);
  abort.abort();
});

Deno.test("WatchHub.watch() ends when its signal aborts, and the workers forget it", async () => {
  const { hub, forgotten } = setUp();
  const abort = new AbortController();
  const values = iterate(hub.watch(events, abort.signal));
  hub.fired({ id: 1, events: many(0, 10) });
  await take(values, 1);
  abort.abort();
  assert.deepEqual(await take(values, 1), [], "what is still queued is void");
  assert.deepEqual([forgotten, hub.size], [[1], 0]);
  hub.fired({ id: 1, events: many(0, 1) });
});

Deno.test("WatchHub.watch() ends a reader that waits", async () => {
  const { hub } = setUp();
  const abort = new AbortController();
  const next = take(iterate(hub.watch(events, abort.signal)), 1);
  await Promise.resolve();
  abort.abort();
  assert.deepEqual(await next, []);
});

Deno.test("WatchHub.watch() is forgotten when its reader leaves", async () => {
  const { hub, forgotten } = setUp();
  const abort = new AbortController();
  const values = hub.watch(events, abort.signal);
  hub.fired({ id: 1, events: many(0, 5) });
  for await (const _ of values) break;
  assert.deepEqual([forgotten, hub.size], [[1], 0]);
  abort.abort();
  assert.deepEqual(forgotten, [1], "once");
});

Deno.test("WatchHub.watch() with a signal that has aborted leaves nothing behind", async () => {
  const { hub, told, forgotten } = setUp();
  const values = hub.watch(events, AbortSignal.abort());
  assert.deepEqual([hub.size, forgotten], [0, told.map((watch) => watch.id)]);
  assert.deepEqual(await take(iterate(values), 1), []);
});

const sized = (from: number, to: number, chars: number) => ({
  events: many(from, to),
  chars: Array.from({ length: to - from }, () => chars),
});

Deno.test("WatchHub bounds what waits for a slow reader by its text, too", async () => {
  const { hub } = setUp();
  const abort = new AbortController();
  const values = iterate(hub.watch(events, abort.signal));
  const { subscriptionQueueCharsMax: most } = limits;
  hub.fired({ id: 1, ...sized(0, 10, most / 4) });
  assert.ok(hub.chars <= most, `${hub.chars} characters`);
  assert.deepEqual(await take(values, 5), [null, "6", "7", "8", "9"]);
  assert.equal(hub.chars, 0);
  hub.fired({ id: 1, ...sized(10, 12, 1) });
  assert.deepEqual(await take(values, 2), ["10", "11"], "and goes on");
  abort.abort();
});

Deno.test("WatchHub bounds what waits for all readers together", async () => {
  const { hub } = setUp();
  const abort = new AbortController();
  const { subscriptionQueueCharsMax: each, subscriptionQueuesCharsMax: most } = limits;
  const readers = Array.from({ length: 2 * most / each }, () => hub.watch(events, abort.signal));
  for (const [i] of readers.entries()) hub.fired({ id: i + 1, ...sized(0, 2, each / 2) });
  assert.ok(hub.chars <= most, `${hub.chars} characters`);
  const [first, last] = [iterate(readers[0]!), iterate(readers.at(-1)!)];
  assert.deepEqual(await take(first, 2), ["0", "1"]);
  assert.deepEqual(await take(last, 1), [null]);
  abort.abort();
  assert.equal(hub.chars, 0, "those who leave hold nothing");
});
