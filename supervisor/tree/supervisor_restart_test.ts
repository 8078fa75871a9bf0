import assert from "node:assert/strict";
import { Supervisor } from "./supervisor.ts";
import { fakeEnv, settle, threePuppets } from "./tree_fakes.ts";

Deno.test("Supervisor.restart() stops a child in order and starts it again, and no other", async () => {
  const { root, take, restarts } = await threePuppets("one_for_one");
  assert.equal(await root.restart(["b"]), true);
  assert.deepEqual(take(), ["stop b", "down b", "start b", "up b"]);
  assert.deepEqual(root.tree().children.map(({ restarts }) => restarts), [0, 1, 0]);
  assert.deepEqual(restarts, ["root/b"]);
  await root.stop();
});

Deno.test("Supervisor.restart() costs nothing of the budget for failures", async () => {
  const { root, b, clock } = await threePuppets("one_for_one", { intensity: 1 });
  for (let i = 0; i < 5; i++) await root.restart(["b"]);
  b.fail();
  await clock.advance(100);
  assert.equal(root.tree().status, "running");
  assert.deepEqual([b.isUp, b.starts], [true, 7]);
  await root.stop();
});

Deno.test("Supervisor.restart() starts a child that had ended by itself", async () => {
  const { env, puppet } = fakeEnv();
  const child = puppet("a");
  const children = [child.spec({ restart: "transient" })];
  const root = Supervisor.root({ id: "root", strategy: "one_for_one", children, env });
  await root.start();
  child.finish();
  await settle();
  assert.equal(root.tree().children[0]!.status, "done");
  assert.equal(await root.restart(["a"]), true);
  assert.equal(root.tree().children[0]!.status, "running");
  await root.stop();
});

Deno.test("Supervisor.restart() leaves a child alone that is about to be restarted anyway", async () => {
  const { root, b, clock, take } = await threePuppets("one_for_one");
  b.fail();
  await settle();
  assert.equal(root.tree().children[1]!.status, "backoff");
  take();
  assert.equal(await root.restart(["b"]), false);
  await clock.advance(1000);
  assert.deepEqual(take(), ["start b", "up b"]);
  await root.stop();
});

Deno.test("Supervisor.restart() starts nothing when the supervisor is stopped meanwhile", async () => {
  const { root, b, take } = await threePuppets("one_for_one");
  const gate = Promise.withResolvers<void>();
  b.stopGate = gate.promise;
  const restarted = root.restart(["b"]);
  await settle();
  const stopped = root.stop();
  gate.resolve();
  assert.equal(await restarted, false);
  await stopped;
  assert.ok(!take().includes("start b"));
  assert.equal(b.isUp, false);
});

Deno.test("Supervisor.restart() finds a child of a supervisor below", async () => {
  const { env, puppet, take } = fakeEnv();
  const inner = Supervisor.spec({
    id: "inner",
    strategy: "one_for_one",
    children: [puppet("a").spec(), puppet("b").spec()],
  });
  const root = Supervisor.root({ id: "root", strategy: "one_for_one", children: [inner], env });
  await root.start();
  await settle();
  take();
  assert.equal(await root.restart(["inner", "b"]), true);
  assert.deepEqual(take(), ["stop b", "down b", "start b", "up b"]);
  await assert.rejects(root.restart(["inner", "c"]), RangeError);
  await assert.rejects(root.restart(["x"]), RangeError);
  await root.stop();
});

Deno.test("Supervisor.restart() refuses to part a child from siblings that go with it", async () => {
  const { root, take } = await threePuppets("one_for_all");
  await assert.rejects(root.restart(["a"]), RangeError);
  assert.deepEqual(take(), []);
  await root.stop();
});
