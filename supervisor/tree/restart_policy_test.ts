import assert from "node:assert/strict";
import { BudgetExhausted, Supervisor } from "./supervisor.ts";
import { fakeEnv, settle, threePuppets } from "./tree_fakes.ts";

Deno.test("Failures beyond the budget stop the children in reverse and fail the supervisor", async () => {
  const { root, a, take, clock } = await threePuppets("one_for_one", { intensity: 2 });
  for (let i = 0; i < 2; i++) {
    a.fail();
    await clock.advance(1000);
  }
  take();
  a.fail("the last");
  await settle();
  assert.deepEqual(take(), ["failed a", "stop c", "down c", "stop b", "down b"]);
  const exit = await root.exited;
  assert.ok(exit.type === "failed" && exit.error instanceof BudgetExhausted);
  assert.match(exit.error.message, /Gave up root .* more than 2 times in 30000 ms, last root\/a/);
  assert.equal((exit.error.cause as Error).message, "the last");
  const { status, last_error } = root.tree();
  assert.equal(status, "failed");
  assert.match(last_error!, /Gave up root/);
});

Deno.test("The budget is shared by all children of a supervisor", async () => {
  const { root, a, b, clock } = await threePuppets("one_for_one", { intensity: 1 });
  a.fail();
  await clock.advance(50);
  b.fail();
  assert.equal((await root.exited).type, "failed");
});

Deno.test("Failures spread over more than the period never exhaust the budget", async () => {
  const { root, a, clock } = await threePuppets("one_for_one", {
    intensity: 1,
    periodMs: 1000,
    backoff: { maxMs: 100 },
  });
  for (let i = 0; i < 20; i++) {
    a.fail();
    await clock.advance(1001);
  }
  assert.equal(a.starts, 21);
  assert.equal(root.tree().status, "running");
  await root.stop();
});

Deno.test("Supervisor.start() throws when the children never come up", async () => {
  const { env, clock, puppet, events } = fakeEnv();
  const [a, b] = [puppet("a"), puppet("b")];
  b.startError = new Error("no disk");
  const children = [a.spec(), b.spec()];
  const root = Supervisor.root({
    id: "root",
    strategy: "one_for_one",
    intensity: 2,
    children,
    env,
  });
  const started = assert.rejects(root.start(), { name: "BudgetExhausted" });
  await clock.advance(10_000);
  await started;
  assert.deepEqual(events.slice(-2), ["stop a", "down a"]);
});

Deno.test("Backoff grows with failures in a row and begins anew after a long life", async () => {
  const { root, a, clock } = await threePuppets("one_for_one", {
    intensity: 100,
    backoff: { minMs: 100, maxMs: 400, resetMs: 5000 },
  });
  const delays: number[] = [];
  const failAndMeasure = async () => {
    const { starts } = a;
    a.fail();
    const failedAt = clock.now();
    while (a.starts === starts) await clock.advance(10);
    delays.push(clock.now() - failedAt);
  };
  for (let i = 0; i < 4; i++) await failAndMeasure();
  await clock.advance(5000);
  await failAndMeasure();
  assert.deepEqual(delays, [100, 200, 400, 400, 100]);
  await root.stop();
});

Deno.test("Backoff is shortened by the injected randomness", async () => {
  const fake = fakeEnv();
  const a = fake.puppet("a");
  const env = { ...fake.env, random: () => 1 };
  const root = Supervisor.root({ id: "root", strategy: "one_for_one", children: [a.spec()], env });
  await root.start();
  a.fail();
  await fake.clock.advance(24);
  assert.equal(a.starts, 1);
  await fake.clock.advance(1);
  assert.equal(a.starts, 2);
  await root.stop();
});
