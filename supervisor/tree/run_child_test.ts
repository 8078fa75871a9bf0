import assert from "node:assert/strict";
import { aborted } from "../shard/clock.ts";
import type { ChildSpec } from "./child.ts";
import { permanentChild, runChild } from "./run_child.ts";

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

Deno.test("runChild() kill() aborts the function, and waits for nothing", async () => {
  const child = runChild(aborted);
  child.kill!();
  assert.deepEqual(await child.exited, { type: "stopped" });
});

Deno.test("permanentChild() is started again whenever it ends, and runs anew each time", async () => {
  let runs = 0;
  const spec: ChildSpec = permanentChild("x", 1_000, () => Promise.resolve(void runs++));
  assert.deepEqual(
    [spec.id, spec.type, spec.restart, spec.shutdownMs],
    ["x", "worker", "permanent", 1_000],
  );
  // Neither looks at what a supervisor tells of the start.
  for (let n = 0; n < 2; n++) {
    const child = await spec.start(undefined as never);
    assert.deepEqual(await child.exited, { type: "normal" });
  }
  assert.equal(runs, 2);
});
