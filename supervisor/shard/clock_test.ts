import assert from "node:assert/strict";
import { aborted, systemClock } from "./clock.ts";

Deno.test("systemClock() tells the machine's time, moved by its offset", () => {
  const before = Date.now();
  const now = systemClock(5000).now();
  assert.ok(now >= before + 5000 && now <= Date.now() + 5000);
});

Deno.test("systemClock().sleep() sleeps about as long as it is told", async () => {
  const startedAt = performance.now();
  await systemClock().sleep(20);
  assert.ok(performance.now() - startedAt >= 18);
});

Deno.test("systemClock().sleep() wakes when its signal aborts, and leaves no timer behind", async () => {
  const abort = new AbortController();
  const slept = systemClock().sleep(3_600_000, abort.signal);
  abort.abort();
  await slept;
  await systemClock().sleep(3_600_000, abort.signal);
});

Deno.test("aborted() resolves when the signal aborts, and at once when it has", async () => {
  const abort = new AbortController();
  let isOver = false;
  const waited = aborted(abort.signal).then(() => isOver = true);
  await Promise.resolve();
  assert.equal(isOver, false);
  abort.abort();
  await waited;
  await aborted(abort.signal);
});
