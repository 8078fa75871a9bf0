import assert from "node:assert/strict";
import { Fenced, OutcomeUnknown, Unavailable } from "../../schema/errors.ts";
import { limits } from "../../schema/limits.ts";
import { FakeClock } from "../tree/tree_fakes.ts";
import { appendAtLeastOnce } from "./append.ts";
import { retry, type RetryOptions, untilStopped } from "./retry.ts";
import { away, Faults, silent } from "./testing/faults.ts";
import { onePartition } from "./testing/shard_world.ts";
import { MemoryLog } from "../log/memory_log.ts";

const clock = () => new FakeClock();
const signal = new AbortController().signal;

/** An attempt that throws the errors in turn and then gives 7. */
function attempts(...errors: Error[]): () => Promise<number> {
  return () => {
    const error = errors.shift();
    return error === undefined ? Promise.resolve(7) : Promise.reject(error);
  };
}

Deno.test("retry() gives what the first attempt gives and tells nobody", async () => {
  const told: string[] = [];
  const options = {
    clock: clock(),
    signal,
    onRetry: () => told.push("retry"),
    onSettled: () => told.push("settled"),
  };
  assert.equal(await retry(attempts(), options), 7);
  assert.deepEqual(told, []);
});

Deno.test("retry() doubles its wait from 50 ms to 2 s while a resource is away", async () => {
  const time = clock();
  const waits: number[] = [];
  let last = 0;
  const errors = Array.from({ length: 9 }, () => new Unavailable("log", "away"));
  const result = retry(() => {
    waits.push(time.now() - last);
    last = time.now();
    return attempts(...errors.splice(0, 1))();
  }, { clock: time, signal });
  await time.advance(60_000);
  assert.equal(await result, 7);
  assert.deepEqual(waits, [0, 50, 100, 200, 400, 800, 1600, 2000, 2000, 2000]);
  assert.equal(limits.retryDelayMsMax, 2000);
});

Deno.test("retry() numbers the failures and says once that they are over", async () => {
  const time = clock();
  const told: (number | string)[] = [];
  const result = retry(attempts(new Unavailable("log", "1"), new Unavailable("log", "2")), {
    clock: time,
    signal,
    onRetry: (_error, failures) => told.push(failures),
    onSettled: () => told.push("settled"),
  });
  await time.advance(1000);
  await result;
  assert.deepEqual(told, [1, 2, "settled"]);
});

Deno.test("retry() throws every other error at once", async () => {
  for (const error of [new Fenced("x"), new OutcomeUnknown("store", "x"), new TypeError("x")]) {
    let settled = 0;
    const options = { clock: clock(), signal, onSettled: () => settled++ };
    await assert.rejects(retry(attempts(error), options), error);
    assert.equal(settled, 0);
  }
});

Deno.test("retry() says that failures are over when another error ends them", async () => {
  const time = clock();
  let settled = 0;
  const result = retry(attempts(new Unavailable("log", "x"), new Fenced("x")), {
    clock: time,
    signal,
    onSettled: () => settled++,
  });
  const rejected = assert.rejects(result, Fenced);
  await time.advance(50);
  await rejected;
  assert.equal(settled, 1);
});

Deno.test("retry() throws the last error as soon as its signal aborts", async () => {
  const abort = new AbortController();
  let settled = 0;
  const options: RetryOptions = {
    clock: clock(),
    signal: abort.signal,
    onSettled: () => settled++,
  };
  const error = new Unavailable("log", "away");
  const result = retry(attempts(error, new Fenced("not reached")), options);
  await Promise.resolve();
  abort.abort();
  await assert.rejects(result, error);
  assert.equal(settled, 1);
  await assert.rejects(retry(attempts(error), options), error);
});

Deno.test("appendAtLeastOnce() appends again whatever became of the last time", async () => {
  const time = clock();
  const log = new MemoryLog({ topics: onePartition, now: () => 0 });
  const faults = new Faults();
  faults.fail("append", away("log"), silent(false, "log"), silent(true, "log"));
  const record = { partition: 0, key: "demo/ann", value: "{}" };
  const options = { clock: time, signal };
  const done = appendAtLeastOnce(faults.log(log), "dlq.events", [record], options);
  await time.advance(1000);
  await done;
  assert.equal(faults.count("append"), 4);
  assert.equal(
    log.storage["dlq.events"][0]!.records.length,
    2,
    "the one whose answer was lost too",
  );
});

Deno.test("appendAtLeastOnce() throws what trying again cannot mend", async () => {
  const log = new MemoryLog({ topics: onePartition, now: () => 0 });
  const record = { partition: 9, key: "demo/ann", value: "{}" };
  const options = { clock: clock(), signal };
  await assert.rejects(appendAtLeastOnce(log, "dlq.events", [record], options), {
    name: "InvariantBroken",
  });
});

Deno.test("untilStopped() lets a resource be away once stopped, and nothing else", async () => {
  const stop = new AbortController();
  const fail = (error: Error) => () => Promise.reject(error);
  const away = new Unavailable("store", "away");
  await untilStopped(stop.signal, () => Promise.resolve());
  await assert.rejects(untilStopped(stop.signal, fail(away)), away);
  stop.abort();
  await untilStopped(stop.signal, fail(away));
  await assert.rejects(untilStopped(stop.signal, fail(new TypeError("no"))), TypeError);
});
