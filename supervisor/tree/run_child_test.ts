import assert from "node:assert/strict";
import { runChild } from "./run_child.ts";

/** Ends when the signal aborts. */
function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve()));
}

Deno.test("runChild() ends normally when the function returns", async () => {
  assert.deepEqual(await runChild(() => Promise.resolve()).exited, { type: "normal" });
});

Deno.test("runChild() fails with what the function throws", async () => {
  const error = new Error("x");
  assert.deepEqual(await runChild(() => Promise.reject(error)).exited, { type: "failed", error });
  const sync = runChild(() => {
    throw error;
  });
  assert.deepEqual(await sync.exited, { type: "failed", error });
});

Deno.test("runChild() stop() aborts the function and waits for its end", async () => {
  let ended = false;
  const child = runChild(async (signal) => {
    await aborted(signal);
    await Promise.resolve();
    ended = true;
  });
  await child.stop();
  assert.equal(ended, true);
  assert.deepEqual(await child.exited, { type: "stopped" });
  await child.stop();
});

Deno.test("runChild() counts a throw after stop() as stopped", async () => {
  const child = runChild(async (signal) => {
    await aborted(signal);
    throw new Error("interrupted");
  });
  await child.stop();
  assert.deepEqual(await child.exited, { type: "stopped" });
});
