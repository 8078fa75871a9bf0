import assert from "node:assert/strict";
import { Supervisor, type SupervisorOptions } from "./supervisor.ts";
import { fakeEnv, type Puppet, settle } from "./tree_fakes.ts";

/** `root` (one_for_one) over `store`, then `stages` (one_for_one) over `s0`, `s1`, then `web`. */
function nested(inner: Partial<SupervisorOptions> = {}, outer: Partial<SupervisorOptions> = {}) {
  const fake = fakeEnv();
  const [store, s0, s1, web] = ["store", "s0", "s1", "web"].map(fake.puppet) as [
    Puppet,
    Puppet,
    Puppet,
    Puppet,
  ];
  const stages = Supervisor.spec({
    id: "stages",
    strategy: "one_for_one",
    intensity: 1,
    children: [s0.spec(), s1.spec()],
    ...inner,
  });
  const root = Supervisor.root({
    id: "root",
    strategy: "one_for_one",
    children: [store.spec(), stages, web.spec()],
    env: fake.env,
    ...outer,
  });
  return { ...fake, root, store, s0, s1, web };
}

Deno.test("A nested supervisor is up when its children are, and stops as one", async () => {
  const { root, s1, take } = nested();
  const gate = Promise.withResolvers<void>();
  s1.startGate = gate.promise;
  const started = root.start();
  await settle();
  assert.deepEqual(take(), ["start store", "up store", "start s0", "up s0", "start s1"]);
  assert.equal(root.tree().children[1]!.status, "starting");
  gate.resolve();
  await started;
  assert.deepEqual(take(), ["up s1", "start web", "up web"]);
  await root.stop();
  assert.deepEqual(take(), [
    ...["stop web", "down web", "stop s1", "down s1"],
    ...["stop s0", "down s0", "stop store", "down store"],
  ]);
});

Deno.test("A nested supervisor mends failures within its budget without its parent", async () => {
  const { root, s0, store, web, clock, restarts } = nested();
  await root.start();
  s0.fail();
  await clock.advance(50);
  assert.deepEqual(restarts, ["root/stages/s0"]);
  assert.deepEqual([store.starts, web.starts, s0.starts], [1, 1, 2]);
  await root.stop();
});

Deno.test("An exhausted budget escalates: the parent restarts the whole supervisor, siblings stay", async () => {
  const { root, s0, s1, store, web, clock, take } = nested();
  await root.start();
  s0.fail();
  await clock.advance(50);
  take();
  s0.fail();
  await clock.advance(50);
  assert.deepEqual(take(), [
    ...["failed s0", "stop s1", "down s1"],
    ...["start s0", "up s0", "start s1", "up s1"],
  ]);
  assert.deepEqual([store.starts, web.starts, s1.starts], [1, 1, 2]);
  const node = root.tree().children[1]!;
  assert.equal(node.restarts, 1);
  assert.match(node.last_error!, /BudgetExhausted: Gave up root\/stages/);
  assert.deepEqual(node.children.map((child) => child.restarts), [0, 0], "a new life");
  await root.stop();
});

Deno.test("Failures climb to the root when nobody can mend them", async () => {
  const { root, s0, clock, events } = nested({ intensity: 0 }, { intensity: 1 });
  await root.start();
  s0.fail();
  await clock.advance(50);
  s0.fail();
  await clock.advance(50);
  const exit = await root.exited;
  assert.equal(exit.type, "failed");
  assert.deepEqual(events.slice(-4), ["stop web", "down web", "stop store", "down store"]);
});

Deno.test("A parent's rest_for_one restarts the subtrees after the failed child", async () => {
  const { root, store, clock, take } = nested({}, { strategy: "rest_for_one" });
  await root.start();
  take();
  store.fail();
  await clock.advance(50);
  assert.deepEqual(take(), [
    ...["failed store", "stop web", "down web", "stop s1", "down s1", "stop s0", "down s0"],
    ...["start store", "up store", "start s0", "up s0", "start s1", "up s1", "start web", "up web"],
  ]);
  await root.stop();
});

Deno.test("Supervisor.stop() reaches a nested supervisor that is still starting", async () => {
  const { root, s0, web, clock } = nested({ intensity: 1000 });
  s0.startError = new Error("not yet");
  const started = root.start();
  await clock.advance(10_000);
  assert.equal(root.tree().children[1]!.children[0]!.status, "backoff");
  await root.stop();
  await started;
  const { starts } = s0;
  await clock.advance(60_000);
  assert.deepEqual([s0.starts, web.starts, clock.sleeping], [starts, 0, 0]);
});

Deno.test("Supervisor.kill() kills every child below, the last first", async () => {
  const { root, take } = nested();
  await root.start();
  take();
  root.kill();
  assert.deepEqual(
    take().filter((event) => event.startsWith("kill")),
    ["kill web", "kill s1", "kill s0", "kill store"],
  );
  assert.deepEqual(await root.exited, { type: "stopped" });
});

Deno.test("Supervisor.tree() shows type, strategy, status, since, restarts and last error", async () => {
  const { root, s0, clock } = nested();
  await root.start();
  await clock.advance(1000);
  s0.fail("out of luck at postgres://u:secret@h/db");
  await settle();
  const leaf = (id: string, rest: object = {}) => ({
    id,
    type: "worker",
    strategy: null,
    status: "running",
    since: "1970-01-01T00:00:00.000Z",
    restarts: 0,
    last_error: null,
    children: [],
    ...rest,
  });
  const above = { type: "supervisor", strategy: "one_for_one" };
  const failed = {
    status: "backoff",
    since: "1970-01-01T00:00:01.000Z",
    last_error: "Error: out of luck at postgres://u:[redacted]@h/db",
  };
  assert.deepEqual(
    root.tree(),
    leaf("root", {
      ...above,
      children: [
        leaf("store"),
        leaf("stages", { ...above, children: [leaf("s0", failed), leaf("s1")] }),
        leaf("web"),
      ],
    }),
  );
  await root.stop();
});
