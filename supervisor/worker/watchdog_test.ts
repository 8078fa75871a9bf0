import assert from "node:assert/strict";
import { FakeClock } from "../tree/tree_fakes.ts";
import { watchdog, type WatchdogOptions } from "./watchdog.ts";

/** A thread that answers, refuses or is silent, and the watch over it. */
function setUp(options: Partial<WatchdogOptions> = {}) {
  const clock = new FakeClock();
  const end = new AbortController();
  const thread = { answer: "ok" as "ok" | "refuse" | "silent", pings: 0 };
  const late: (() => void)[] = [];
  const ping = () => {
    thread.pings++;
    if (thread.answer === "ok") return Promise.resolve();
    if (thread.answer === "refuse") return Promise.reject(new Error("busy"));
    return new Promise<void>((resolve) => late.push(resolve));
  };
  const watch: { result?: "frozen" | "ended" } = {};
  watchdog({ clock, ping, signal: end.signal, lookMs: 100, silenceMsMax: 1_000, ...options })
    .then((result) => watch.result = result);
  return { clock, end, thread, watch, late };
}

Deno.test("watchdog() asks again and again while answers come", async () => {
  const { clock, end, thread, watch } = setUp();
  await clock.advance(10_000);
  assert.equal(watch.result, undefined);
  assert.ok(thread.pings >= 99 && thread.pings <= 102, `${thread.pings}`);
  end.abort();
  await clock.advance(0);
  assert.equal(watch.result, "ended");
  assert.equal(clock.sleeping, 0);
});

Deno.test("watchdog() says frozen after the silence it may last, not before", async () => {
  const { clock, thread, watch } = setUp();
  await clock.advance(450);
  thread.answer = "silent";
  await clock.advance(1_000);
  assert.equal(watch.result, undefined);
  await clock.advance(100);
  assert.equal(watch.result, "frozen");
});

Deno.test("watchdog() forgives an answer that is late, and takes a refusal for one", async () => {
  const { clock, thread, watch, late } = setUp();
  thread.answer = "silent";
  await clock.advance(950);
  thread.answer = "refuse";
  for (const answer of late) answer();
  await clock.advance(5_000);
  assert.equal(watch.result, undefined);
  thread.answer = "silent";
  await clock.advance(1_200);
  assert.equal(watch.result, "frozen");
});

Deno.test("watchdog() takes a stop of everything for one look", async () => {
  let wake = () => {};
  let sleeps = 0;
  // The clock stands for a process that is stopped in its first sleep, however long.
  const clock = {
    now: () => 0,
    sleep: () => {
      sleeps++;
      return new Promise<void>((resolve) => wake = resolve);
    },
  };
  const { thread, watch, late } = setUp({ clock });
  await Promise.resolve();
  thread.answer = "silent";
  wake();
  await new Promise((resolve) => setTimeout(resolve));
  assert.deepEqual([sleeps, late.length], [2, 1]);
  // Back after a minute: the answer lies in the queue already.
  late[0]!();
  thread.answer = "ok";
  wake();
  await new Promise((resolve) => setTimeout(resolve));
  assert.equal(watch.result, undefined);
  assert.equal(thread.pings, 3);
});

Deno.test("watchdog() ends in the middle of a silence when told to", async () => {
  const { clock, end, thread, watch } = setUp();
  thread.answer = "silent";
  await clock.advance(700);
  end.abort();
  await clock.advance(0);
  assert.equal(watch.result, "ended");
});

Deno.test("watchdog() refuses times that contradict each other", async () => {
  const ping = () => Promise.resolve();
  const { signal } = new AbortController();
  const options = { clock: new FakeClock(), ping, signal, lookMs: 2, silenceMsMax: 1 };
  await assert.rejects(watchdog(options), /Cannot watch as lookMs must be .*: 2, 1/);
});
