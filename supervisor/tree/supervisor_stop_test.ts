import assert from "node:assert/strict";
import { Supervisor } from "./supervisor.ts";
import { fakeEnv, type Puppet, settle } from "./tree_fakes.ts";

const never = new Promise<void>(() => {});

/** A supervisor over puppets a, b, c that has not been started. */
function unstarted(strategy: "one_for_one" | "one_for_all" = "one_for_one") {
  const fake = fakeEnv();
  const [a, b, c] = ["a", "b", "c"].map(fake.puppet) as [Puppet, Puppet, Puppet];
  const children = [a.spec(), b.spec(), c.spec()];
  const root = Supervisor.root({ id: "root", strategy, children, env: fake.env });
  return { ...fake, root, a, b, c };
}

for (const strategy of ["one_for_one", "one_for_all"] as const) {
  Deno.test(`Supervisor.stop() during a start (${strategy}): waits for it, stops it, starts no more`, async () => {
    const { root, b, events } = unstarted(strategy);
    const gate = Promise.withResolvers<void>();
    b.startGate = gate.promise;
    const started = root.start();
    await settle();
    const stopped = root.stop();
    await settle();
    assert.equal(b.context!.signal.aborted, true);
    gate.resolve();
    await stopped;
    await started;
    assert.deepEqual(events, [
      "start a",
      "up a",
      "start b",
      "up b",
      "stop b",
      "down b",
      "stop a",
      "down a",
    ]);
  });

  Deno.test(`Supervisor.stop() during a backoff (${strategy}): ends at once, starts nothing`, async () => {
    const { root, b, clock, take } = unstarted(strategy);
    await root.start();
    b.fail();
    await settle();
    take();
    assert.equal(clock.sleeping, 1);
    await root.stop();
    assert.equal(clock.sleeping, 0);
    await clock.advance(60_000);
    assert.ok(take().every((event) => !event.startsWith("start")));
    assert.deepEqual(await root.exited, { type: "stopped" });
    assert.deepEqual(root.tree().children.map((child) => child.status), Array(3).fill("stopped"));
  });
}

Deno.test("Supervisor.stop() before the start leaves nothing to start", async () => {
  const { root, events } = unstarted();
  await root.stop();
  await root.start();
  assert.deepEqual(events, []);
});

Deno.test("A start that throws because it was aborted is no failure", async () => {
  const { env, puppet, lines, restarts } = fakeEnv();
  const start = ({ signal }: { signal: AbortSignal }) =>
    new Promise<never>((_, reject) =>
      signal.addEventListener("abort", () => reject(new Error("aborted")))
    );
  const children = [puppet("a").spec({ start })];
  const root = Supervisor.root({ id: "root", strategy: "one_for_one", children, env });
  const started = root.start();
  await settle();
  await root.stop();
  await started;
  assert.deepEqual([lines, restarts], [[], []]);
});

Deno.test("A stop that takes longer than shutdownMs is given up: killed, logged, the rest goes on", async () => {
  const { root, b, clock, take, lines } = unstarted();
  await root.start();
  b.stopGate = never;
  take();
  const stopped = root.stop();
  await clock.advance(999);
  assert.deepEqual(take(), ["stop c", "down c", "stop b"]);
  await clock.advance(1);
  await stopped;
  assert.deepEqual(take(), ["kill b", "down b", "stop a", "down a"]);
  const line = JSON.parse(lines[0]!);
  assert.match(line.msg, /did not stop in time/);
  assert.equal(line.child, "root/b");
  assert.equal(line.killed, true);
});

Deno.test("A child without kill that does not stop in time is left behind", async () => {
  const { env, clock, puppet, lines } = fakeEnv();
  const start = () => ({ exited: new Promise<never>(() => {}), stop: () => never });
  const children = [puppet("a").spec({ start, shutdownMs: 10 })];
  const root = Supervisor.root({ id: "root", strategy: "one_for_one", children, env });
  await root.start();
  const stopped = root.stop();
  await clock.advance(10);
  await stopped;
  assert.equal(JSON.parse(lines[0]!).killed, false);
});

Deno.test("A start that outlives the stop is killed as soon as it comes up", async () => {
  const { root, c, clock, take } = unstarted();
  const gate = Promise.withResolvers<void>();
  c.startGate = gate.promise;
  void root.start();
  await settle();
  const stopped = root.stop();
  await clock.advance(1000);
  await stopped;
  take();
  gate.resolve();
  await settle();
  assert.deepEqual(take(), ["up c", "kill c", "down c", "stop c"]);
  assert.equal(c.isUp, false);
});

Deno.test("A hung stop within a group's restart delays it by shutdownMs only", async () => {
  const { root, a, c, clock, take } = unstarted("one_for_all");
  await root.start();
  c.stopGate = never;
  take();
  a.fail();
  await clock.advance(1000);
  assert.deepEqual(take(), ["failed a", "stop c", "kill c", "down c", "stop b", "down b"]);
  await clock.advance(50);
  assert.deepEqual(take(), ["start a", "up a", "start b", "up b", "start c", "up c"]);
  await clock.advance(0);
  void root.stop();
  await clock.advance(1000);
});

Deno.test("Supervisor.stop() while a group is taken down leaves all stopped", async () => {
  const { root, b, c, take } = unstarted("one_for_all");
  await root.start();
  const gate = Promise.withResolvers<void>();
  c.stopGate = gate.promise;
  b.fail();
  await settle();
  take();
  const stopped = root.stop();
  gate.resolve();
  await stopped;
  await settle();
  assert.deepEqual(take(), ["down c", "stop a", "down a"]);
  assert.deepEqual(root.tree().children.map(({ status }) => status), [
    "stopped",
    "failed",
    "stopped",
  ]);
});

Deno.test("A child has stopped when its stop() has returned, not merely when it exited", async () => {
  const { env, puppet, events } = fakeEnv();
  const exit = Promise.withResolvers<{ type: "stopped" }>();
  const closed = Promise.withResolvers<void>();
  const start = () => ({
    exited: exit.promise,
    stop: () => {
      exit.resolve({ type: "stopped" });
      return closed.promise;
    },
  });
  const children = [puppet("a").spec(), puppet("b").spec({ start })];
  const root = Supervisor.root({ id: "root", strategy: "one_for_one", children, env });
  await root.start();
  const stopped = root.stop();
  await settle();
  assert.deepEqual(events, ["start a", "up a"]);
  closed.resolve();
  await stopped;
  assert.deepEqual(events, ["start a", "up a", "stop a", "down a"]);
});

Deno.test("A stop() that throws is logged and waited out", async () => {
  const { env, clock, puppet, lines } = fakeEnv();
  const exited = Promise.withResolvers<{ type: "stopped" }>();
  const start = () => ({
    exited: exited.promise,
    stop: () => {
      exited.resolve({ type: "stopped" });
      return Promise.reject(new Error("in stop"));
    },
  });
  const children = [puppet("a").spec({ start })];
  const root = Supervisor.root({ id: "root", strategy: "one_for_one", children, env });
  await root.start();
  await root.stop();
  assert.match(JSON.parse(lines[0]!).msg, /threw when it was stopped/);
  assert.equal(clock.sleeping, 0);
});

Deno.test("A child whose `exited` rejects has failed", async () => {
  const { env, clock, puppet } = fakeEnv();
  let lives = 0;
  const start = () => ({
    exited: ++lives === 1 ? Promise.reject(new Error("odd")) : new Promise<never>(() => {}),
    stop: () => Promise.resolve(),
  });
  const children = [puppet("a").spec({ start, shutdownMs: 0 })];
  const root = Supervisor.root({ id: "root", strategy: "one_for_one", children, env });
  void root.start();
  await clock.advance(50);
  assert.equal(lives, 2);
  assert.equal(root.tree().children[0]!.last_error, "Error: odd");
  void root.stop();
  await clock.advance(0);
});

Deno.test("A failure while the supervisor stops restarts nothing", async () => {
  const { root, a, c, clock, restarts } = unstarted();
  await root.start();
  const gate = Promise.withResolvers<void>();
  c.stopGate = gate.promise;
  const stopped = root.stop();
  await settle();
  a.fail();
  await clock.advance(500);
  gate.resolve();
  await stopped;
  assert.deepEqual(restarts, []);
  assert.deepEqual(await root.exited, { type: "stopped" });
});
