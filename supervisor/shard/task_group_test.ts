import assert from "node:assert/strict";
import { runTogether } from "./task_group.ts";

Deno.test("runTogether() resolves when all loops have returned", async () => {
  const scope = new AbortController();
  const gate = Promise.withResolvers<void>();
  let done = false;
  const all = runTogether(scope, [() => Promise.resolve(), () => gate.promise]).then(() =>
    done = true
  );
  await Promise.resolve();
  assert.equal(done, false);
  gate.resolve();
  await all;
  assert.equal(scope.signal.aborted, false);
});

Deno.test("runTogether() aborts the others at the first error, waits for them and rethrows it", async () => {
  const scope = new AbortController();
  const events: string[] = [];
  const untilAborted = async () => {
    await new Promise((resolve) => scope.signal.addEventListener("abort", resolve));
    await Promise.resolve();
    events.push("cleaned up");
    throw new Error("a later one");
  };
  const first = new Error("the first");
  await assert.rejects(runTogether(scope, [untilAborted, () => Promise.reject(first)]), first);
  assert.deepEqual(events, ["cleaned up"]);
});

Deno.test("runTogether() takes a loop that throws before its first await", async () => {
  const scope = new AbortController();
  const thrown = new Error("at once");
  const loop = () => {
    throw thrown;
  };
  await assert.rejects(runTogether(scope, [loop]), thrown);
  assert.ok(scope.signal.aborted);
});

Deno.test("runTogether() rethrows what is no error object, too", async () => {
  const scope = new AbortController();
  await assert.rejects(
    runTogether(scope, [() => Promise.reject(undefined)]),
    (e) => e === undefined,
  );
});
