import assert from "node:assert/strict";
import { Supervisor } from "./supervisor.ts";
import { fakeEnv, settle, threePuppets } from "./tree_fakes.ts";

Deno.test("Supervisor.add() starts a child beside the others and restarts it as them", async () => {
  const { root, puppet, clock, take } = await threePuppets("one_for_one");
  const d = puppet("d");
  assert.equal(root.add([], d.spec()), true);
  await settle();
  assert.deepEqual(take(), ["start d", "up d"]);
  d.fail();
  await clock.advance(1000);
  assert.deepEqual(take(), ["failed d", "start d", "up d"]);
  assert.deepEqual(root.tree().children.map(({ id }) => id), ["a", "b", "c", "d"]);
  await root.stop();
  assert.equal(take()[0], "stop d");
});

Deno.test("Supervisor.add() refuses a name twice, and any strategy that ties children together", async () => {
  const { root, b } = await threePuppets("one_for_one");
  assert.throws(() => root.add([], b.spec()), /two children named 'b'/);
  await root.stop();
  const tied = await threePuppets("rest_for_one");
  assert.throws(() => tied.root.add([], tied.puppet("d").spec()), RangeError);
  await tied.root.stop();
});

Deno.test("Supervisor.add() starts nothing once the supervisor stops", async () => {
  const { root, puppet, take } = await threePuppets("one_for_one");
  await root.stop();
  take();
  assert.equal(root.add([], puppet("d").spec()), false);
  await settle();
  assert.deepEqual(take(), []);
});

Deno.test("Supervisor.remove() stops an added child in order and forgets it", async () => {
  const { env, puppet, take } = fakeEnv();
  const root = Supervisor.root({ id: "root", strategy: "one_for_one", children: [], env });
  await root.start();
  const d = puppet("d");
  root.add([], d.spec());
  await settle();
  assert.equal(await root.remove(["d"]), true);
  assert.deepEqual(take(), ["start d", "up d", "stop d", "down d"]);
  assert.deepEqual(root.tree().children, []);
  assert.equal(await root.remove(["d"]), false);
  root.add([], d.spec());
  await settle();
  assert.deepEqual(take(), ["start d", "up d"]);
  await root.stop();
});

Deno.test("Supervisor.remove() ends the wait of a child that was to be restarted", async () => {
  const { env, puppet, clock, take } = fakeEnv();
  const root = Supervisor.root({ id: "root", strategy: "one_for_one", children: [], env });
  await root.start();
  const d = puppet("d");
  root.add([], d.spec());
  await settle();
  d.fail();
  await settle();
  assert.equal(await root.remove(["d"]), true);
  take();
  await clock.advance(60_000);
  assert.deepEqual(take(), []);
  await root.stop();
});

Deno.test("Supervisor.add() and remove() reach into a nested supervisor that runs", async () => {
  const { env, puppet, take } = fakeEnv();
  const children = [
    Supervisor.spec({ id: "inner", strategy: "one_for_one", children: [puppet("a").spec()] }),
  ];
  const root = Supervisor.root({ id: "root", strategy: "one_for_one", children, env });
  assert.equal(root.add(["inner"], puppet("b").spec()), false);
  await root.start();
  take();
  assert.equal(root.add(["inner"], puppet("b").spec()), true);
  await settle();
  assert.deepEqual(take(), ["start b", "up b"]);
  assert.equal(await root.remove(["inner", "a"]), true);
  assert.deepEqual(take(), ["stop a", "down a"]);
  assert.deepEqual(root.tree().children[0]!.children.map(({ id }) => id), ["b"]);
  assert.throws(() => root.add(["outer"], puppet("c").spec()), /no child 'outer'/);
  await root.stop();
});
