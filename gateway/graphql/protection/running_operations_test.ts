import assert from "node:assert/strict";
import type { GraphQLError } from "graphql";
import { type Outcome, RunningOperations } from "./running_operations.ts";

const codesOf = (outcome: Outcome) =>
  (outcome as { errors?: GraphQLError[] }).errors?.map(({ extensions }) => extensions.code);

/** What a test may let end whenever it wants. */
function pending() {
  const { promise, resolve, reject } = Promise.withResolvers<Outcome>();
  return { run: () => promise, resolve, reject, promise };
}

/** A stream that gives what it is told to. */
async function* numbers(count: number, endsBadly = false) {
  for (let i = 0; i < count; i++) yield i;
  if (endsBadly) throw new Error("broken");
}

type Stream = AsyncIterableIterator<number>;

Deno.test("query() runs as many of a key as there may be, and refuses one more with 429", async () => {
  const running = new RunningOperations({ queriesMax: 2 });
  const [a, b] = [pending(), pending()];
  const answers = [running.query("key", a.run), running.query("key", b.run)];
  const refused = await running.query("key", () => assert.fail("it must not be run"));
  assert.deepEqual(codesOf(refused), ["TOO_MANY_OPERATIONS"]);
  const [error] = (refused as { errors: GraphQLError[] }).errors;
  assert.deepEqual(error!.extensions.http, { status: 429 });
  assert.equal(await running.query("other", () => "another key's"), "another key's");
  a.resolve("a");
  assert.equal(await answers[0], "a");
  assert.equal(
    await running.query("key", () => "there is a place again"),
    "there is a place again",
  );
  b.reject(new Error("b failed"));
  await assert.rejects(answers[1]!, /b failed/);
  assert.equal(running.size, 0);
});

Deno.test("query() gives its place back when executing throws at once", async () => {
  const running = new RunningOperations({ queriesMax: 1 });
  for (let i = 0; i < 3; i++) {
    await assert.rejects(
      running.query("key", () => {
        throw new Error("at once");
      }),
      /at once/,
    );
  }
  assert.equal(running.size, 0);
});

Deno.test("query() answers TIMEOUT in time, and keeps the place until the work has ended", async () => {
  const running = new RunningOperations({ operationMs: 20, queriesMax: 1 });
  for (const end of ["resolve", "reject"] as const) {
    const work = pending();
    const late = await running.query("key", work.run);
    assert.deepEqual(codesOf(late), ["TIMEOUT"]);
    const [error] = (late as { errors: GraphQLError[] }).errors;
    assert.deepEqual(error!.extensions.http, { spec: true, status: 503 });
    assert.deepEqual(codesOf(await running.query("key", () => "no")), ["TOO_MANY_OPERATIONS"]);
    // Nobody waits for this any more: an error must not end the process.
    work[end](new Error("too late"));
    await work.promise.catch(() => {});
    while (running.size > 0) await new Promise((resolve) => setTimeout(resolve, 0));
  }
});

Deno.test("subscription() is counted until its stream ends, from either side and once", async () => {
  const running = new RunningOperations({ subscriptionsMax: 2 });
  const open = async (count = 1, endsBadly = false) =>
    await running.subscription("key", () => numbers(count, endsBadly)) as Stream;
  const isFull = async () =>
    codesOf(await running.subscription("key", () => ({})))?.[0] === "TOO_MANY_OPERATIONS";
  const kept = await open();
  const ends: ((stream: Stream) => Promise<unknown>)[] = [
    async (stream) => {
      for await (const _ of stream);
    },
    (stream) => stream.return!(),
    async (stream) => {
      await stream.next();
      await stream.return!();
      await stream.return!();
    },
    (stream) => stream.throw!(new Error("from outside")).catch(() => {}),
  ];
  for (const end of ends) {
    const stream = await open();
    assert.equal(await isFull(), true);
    await end(stream);
    assert.equal(await isFull(), false);
    assert.equal(running.size, 1, "the other one's place is still taken");
  }
  const broken = await open(0, true);
  assert.equal(await isFull(), true);
  await assert.rejects(broken.next(), /broken/);
  assert.equal(await isFull(), false);
  assert.deepEqual(await kept.next(), { done: false, value: 0 });
  assert.deepEqual(await kept.next(), { done: true, value: undefined });
  assert.equal(running.size, 0);
});

Deno.test("subscription() keeps no place for what does not become a stream", async () => {
  const running = new RunningOperations({ subscriptionsMax: 1 });
  const failed = { errors: [] };
  assert.equal(await running.subscription("key", () => failed), failed);
  await assert.rejects(running.subscription("key", () => Promise.reject(new Error("no"))), /no/);
  assert.equal(running.size, 0);
});

Deno.test("queries and subscriptions of a key have places of their own", async () => {
  const running = new RunningOperations({ queriesMax: 1, subscriptionsMax: 1 });
  const stream = await running.subscription("key", () => numbers(1)) as Stream;
  assert.equal(await running.query("key", () => "runs"), "runs");
  await stream.return!();
});
