import assert from "node:assert/strict";
import { noMetrics } from "../deps.ts";
import { Subscriptions } from "./subscriptions.ts";

/** Yields 1, then waits for the end. */
async function* onceThenWait(signal: AbortSignal): AsyncGenerator<number> {
  yield 1;
  await new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve());
  });
}

Deno.test("iterate() ends at once when returned while a value is awaited", async () => {
  const subscriptions = new Subscriptions(noMetrics);
  const iterator = subscriptions.iterate(onceThenWait);
  assert.deepEqual(await iterator.next(), { done: false, value: 1 });
  const pending = iterator.next();
  await iterator.return!();
  assert.equal((await pending).done, true);
  assert.equal(subscriptions.size, 0);
});

Deno.test("iterate() gives its lease back when the source ends or fails", async () => {
  const subscriptions = new Subscriptions(noMetrics);
  // deno-lint-ignore require-yield -- it fails before it could
  const failing = subscriptions.iterate(async function* () {
    throw await Promise.resolve(new Error("boom"));
  });
  await assert.rejects(failing.next(), /boom/);
  const empty = subscriptions.iterate(async function* () {});
  assert.equal((await empty.next()).done, true);
  assert.equal(subscriptions.size, 0);
});

Deno.test("endAll() ends what is open and tells the metrics", async () => {
  const sizes: number[] = [];
  const subscriptions = new Subscriptions({ subscriptions: (open) => void sizes.push(open) });
  const iterators = [subscriptions.iterate(onceThenWait), subscriptions.iterate(onceThenWait)];
  await Promise.all(iterators.map((iterator) => iterator.next()));
  subscriptions.endAll();
  for (const iterator of iterators) assert.equal((await iterator.next()).done, true);
  assert.deepEqual(sizes, [1, 2, 1, 0]);
});
