import assert from "node:assert/strict";
import type { ChildSpec } from "./child.ts";
import { Supervisor, type SupervisorOptions } from "./supervisor.ts";
import { fakeEnv, type Puppet, settle, threePuppets } from "./tree_fakes.ts";

const statuses = (root: Supervisor) => root.tree().children.map(({ status }) => status);

Deno.test("Supervisor starts in order, each child after the one before is up", async () => {
  const { env, events, puppet } = fakeEnv();
  const [a, b] = [puppet("a"), puppet("b")];
  const gate = Promise.withResolvers<void>();
  a.startGate = gate.promise;
  const root = Supervisor.root({
    id: "root",
    strategy: "one_for_one",
    children: [a.spec(), b.spec()],
    env,
  });
  const started = root.start();
  await settle();
  assert.deepEqual(events, ["start a"]);
  assert.deepEqual(statuses(root), ["starting", "waiting"]);
  assert.equal(root.tree().status, "starting");
  gate.resolve();
  await started;
  assert.deepEqual(events, ["start a", "up a", "start b", "up b"]);
  assert.equal(root.tree().status, "running");
  await root.stop();
});

Deno.test("Supervisor waits for `started` of a child before it starts the next", async () => {
  const { env, events, puppet } = fakeEnv();
  const up = Promise.withResolvers<void>();
  const slow: ChildSpec = {
    ...puppet("slow").spec(),
    start: () => ({ exited: new Promise(() => {}), started: up.promise, stop: () => never }),
    shutdownMs: 0,
  };
  const never = new Promise<void>(() => {});
  const root = Supervisor.root({
    id: "root",
    strategy: "one_for_all",
    children: [slow, puppet("b").spec()],
    env,
  });
  void root.start();
  await settle();
  assert.deepEqual(events, []);
  up.resolve();
  await root.started;
  assert.deepEqual(events, ["start b", "up b"]);
});

Deno.test("Supervisor stops in reverse order, one after the other", async () => {
  const { root, b, take } = await threePuppets("one_for_one");
  const gate = Promise.withResolvers<void>();
  b.stopGate = gate.promise;
  const stopped = root.stop();
  await settle();
  assert.deepEqual(take(), ["stop c", "down c", "stop b"]);
  assert.deepEqual(statuses(root), ["running", "stopping", "stopped"]);
  gate.resolve();
  await stopped;
  assert.deepEqual(take(), ["down b", "stop a", "down a"]);
  assert.deepEqual(await root.exited, { type: "stopped" });
  assert.equal(root.tree().status, "stopped");
});

Deno.test("Supervisor.stop() may be called again and restarts nothing", async () => {
  const { root, take, clock } = await threePuppets("one_for_one");
  await Promise.all([root.stop(), root.stop()]);
  await root.stop();
  await clock.advance(60_000);
  assert.deepEqual(take(), ["stop c", "down c", "stop b", "down b", "stop a", "down a"]);
});

Deno.test("one_for_one restarts the failed child alone", async () => {
  const { root, b, take, clock, restarts } = await threePuppets("one_for_one");
  b.fail();
  await settle();
  assert.deepEqual(statuses(root), ["running", "backoff", "running"]);
  await clock.advance(50);
  assert.deepEqual(take(), ["failed b", "start b", "up b"]);
  assert.deepEqual(statuses(root), ["running", "running", "running"]);
  assert.deepEqual(root.tree().children.map((child) => child.restarts), [0, 1, 0]);
  assert.deepEqual(restarts, ["root/b"]);
  await root.stop();
});

Deno.test("one_for_all stops all in reverse and starts all in order", async () => {
  const { root, b, take, clock } = await threePuppets("one_for_all");
  b.fail();
  await clock.advance(50);
  assert.deepEqual(take(), [
    "failed b",
    "stop c",
    "down c",
    "stop a",
    "down a",
    "start a",
    "up a",
    "start b",
    "up b",
    "start c",
    "up c",
  ]);
  await root.stop();
});

Deno.test("rest_for_one restarts the failed child and those after it", async () => {
  const { root, b, take, clock } = await threePuppets("rest_for_one");
  b.fail();
  await clock.advance(50);
  assert.deepEqual(take(), [
    "failed b",
    "stop c",
    "down c",
    "start b",
    "up b",
    "start c",
    "up c",
  ]);
  await root.stop();
});

Deno.test("A group is restarted only after the slowest of it has stopped", async () => {
  const { root, b, c, take, clock } = await threePuppets("rest_for_one");
  const gate = Promise.withResolvers<void>();
  c.stopGate = gate.promise;
  b.fail();
  await clock.advance(900);
  assert.deepEqual(take(), ["failed b", "stop c"]);
  gate.resolve();
  await clock.advance(50);
  assert.deepEqual(take(), ["down c", "start b", "up b", "start c", "up c"]);
  await root.stop();
});

Deno.test("A transient child that ends normally is not restarted, one that fails is", async () => {
  const { env, clock, puppet, take } = fakeEnv();
  const [a, b] = [puppet("a"), puppet("b")];
  const children = [a.spec({ restart: "transient" }), b.spec({ restart: "transient" })];
  const root = Supervisor.root({ id: "root", strategy: "one_for_all", children, env });
  await root.start();
  take();
  a.finish();
  await clock.advance(60_000);
  assert.deepEqual(take(), ["done a"]);
  assert.deepEqual(statuses(root), ["done", "running"]);
  b.fail();
  await clock.advance(50);
  // The group begins anew, and with it the child that had finished.
  assert.deepEqual(take(), ["failed b", "start a", "up a", "start b", "up b"]);
  await root.stop();
});

Deno.test("A temporary child is never restarted, not with its group either", async () => {
  const { env, clock, puppet, take, restarts } = fakeEnv();
  const [a, b, c] = ["a", "b", "c"].map(puppet) as [Puppet, Puppet, Puppet];
  const temporary = { restart: "temporary" } as const;
  const children = [a.spec(temporary), b.spec(temporary), c.spec()];
  const root = Supervisor.root({
    id: "root",
    strategy: "one_for_all",
    intensity: 1,
    children,
    env,
  });
  await root.start();
  take();
  a.fail("once");
  await clock.advance(1000);
  assert.deepEqual(take(), ["failed a"]);
  assert.deepEqual(statuses(root), ["failed", "running", "running"]);
  assert.equal(root.tree().children[0]!.last_error, "Error: once");
  c.fail();
  await clock.advance(1000);
  assert.deepEqual(take(), ["failed c", "stop b", "down b", "start c", "up c"]);
  assert.deepEqual(statuses(root), ["failed", "stopped", "running"]);
  assert.deepEqual(restarts, ["root/c"]);
  await root.stop();
});

Deno.test("A temporary child whose start throws does not hold up its siblings", async () => {
  const { env, puppet, events } = fakeEnv();
  const a = puppet("a");
  a.startError = new Error("no");
  const children = [a.spec({ restart: "temporary" }), puppet("b").spec()];
  const root = Supervisor.root({ id: "root", strategy: "rest_for_one", children, env });
  await root.start();
  assert.deepEqual(events, ["start a", "start b", "up b"]);
  await root.stop();
});

Deno.test("A permanent child is restarted when it ends normally", async () => {
  const { root, a, take, clock } = await threePuppets("one_for_one");
  a.finish();
  await clock.advance(50);
  assert.deepEqual(take(), ["done a", "start a", "up a"]);
  await root.stop();
});

Deno.test("A start that throws is tried again with growing delays, the next sibling waits", async () => {
  const { env, clock, puppet, take } = fakeEnv();
  const [a, b] = [puppet("a"), puppet("b")];
  a.startError = new Error("not yet");
  const children = [a.spec(), b.spec()];
  const root = Supervisor.root({ id: "root", strategy: "one_for_one", children, env });
  const started = root.start();
  await clock.advance(49);
  assert.deepEqual(take(), ["start a"]);
  await clock.advance(1);
  assert.deepEqual(take(), ["start a"]);
  await clock.advance(99);
  assert.deepEqual(take(), []);
  assert.deepEqual(statuses(root), ["backoff", "waiting"]);
  a.startError = null;
  await clock.advance(1);
  await started;
  assert.deepEqual(take(), ["start a", "up a", "start b", "up b"]);
  assert.equal(root.tree().children[0]!.restarts, 2);
  await root.stop();
});

Deno.test("A start that throws synchronously counts as a failure too", async () => {
  const { env, clock, puppet } = fakeEnv();
  let calls = 0;
  const start = () => {
    if (++calls === 1) throw new Error("sync");
    return puppet("x").spec().start({ signal: new AbortController().signal, path: "", env });
  };
  const children = [puppet("a").spec({ start })];
  const root = Supervisor.root({ id: "root", strategy: "one_for_one", children, env });
  void root.start();
  await clock.advance(50);
  assert.equal(calls, 2);
  assert.deepEqual(statuses(root), ["running"]);
  await root.stop();
});

Deno.test("A failed start during a group's restart begins the group again", async () => {
  const { root, a, b, take, clock } = await threePuppets("one_for_all");
  a.fail();
  await settle();
  b.startError = new Error("later");
  take();
  await clock.advance(50);
  assert.deepEqual(take(), ["start a", "up a", "start b", "stop a", "down a"]);
  b.startError = null;
  await clock.advance(50);
  assert.deepEqual(take(), ["start a", "up a", "start b", "up b", "start c", "up c"]);
  await root.stop();
});

Deno.test("An earlier sibling that fails during the backoff widens what is restarted", async () => {
  const { root, a, c, take, clock } = await threePuppets("rest_for_one");
  c.fail();
  await clock.advance(10);
  a.fail();
  await clock.advance(50);
  assert.deepEqual(take(), [
    "failed c",
    "failed a",
    "stop b",
    "down b",
    "start a",
    "up a",
    "start b",
    "up b",
    "start c",
    "up c",
  ]);
  await root.stop();
});

Deno.test("Children that fail at once: one_for_one restarts each, side by side", async () => {
  const { root, a, c, take, clock, restarts } = await threePuppets("one_for_one");
  const gate = Promise.withResolvers<void>();
  a.startGate = gate.promise;
  a.fail();
  c.fail();
  await clock.advance(50);
  assert.deepEqual(take(), ["failed a", "failed c", "start a", "start c", "up c"]);
  gate.resolve();
  await settle();
  assert.deepEqual(take(), ["up a"]);
  assert.deepEqual(restarts, ["root/a", "root/c"]);
  await root.stop();
});

Deno.test("Children that fail at once: a group is restarted once, for one of the budget", async () => {
  const { root, a, b, c, clock } = await threePuppets("one_for_all", { intensity: 1 });
  a.fail();
  b.fail();
  c.fail();
  await clock.advance(50);
  assert.deepEqual([a.starts, b.starts, c.starts], [2, 2, 2]);
  assert.deepEqual(statuses(root), ["running", "running", "running"]);
  await root.stop();
});

Deno.test("A sibling that fails while its group is being stopped is not counted again", async () => {
  const { root, a, b, c, clock } = await threePuppets("one_for_all", { intensity: 1 });
  const gate = Promise.withResolvers<void>();
  c.stopGate = gate.promise;
  a.fail();
  await settle();
  b.fail("while c stops");
  c.fail("while it stops itself");
  gate.resolve();
  await clock.advance(50);
  assert.deepEqual(statuses(root), ["running", "running", "running"]);
  assert.deepEqual(root.tree().children.map((child) => child.last_error), [
    "Error: broke",
    "Error: while c stops",
    null,
  ]);
  await root.stop();
});

Deno.test("Supervisor() refuses options that cannot be", () => {
  const { env, puppet } = fakeEnv();
  const make = (options: Partial<SupervisorOptions>) => () =>
    Supervisor.root({ id: "root", strategy: "one_for_one", children: [], env, ...options });
  const twice = [puppet("a").spec(), puppet("a").spec()];
  assert.throws(make({ children: twice }), /two children named 'a' in root/);
  assert.throws(make({ children: [puppet("a").spec({ shutdownMs: -1 })] }), /'shutdownMs' .* -1/);
  assert.throws(make({ intensity: -1 }), /'intensity'/);
  assert.throws(make({ backoff: { jitter: 2 } }), /'jitter'/);
});
