import assert from "node:assert/strict";
import { Unavailable } from "../../schema/errors.ts";
import { limits } from "../../schema/limits.ts";
import { ClusterWorld, eventsOf, type TestNode, until } from "./testing/cluster_world.ts";

const users = Array.from({ length: 24 }, (_, i) => `u${i}`);
const all = [0, 1, 2, 3];

/** Two nodes that have shared the shards out. */
async function twoNodes(world: ClusterWorld): Promise<[TestNode, TestNode]> {
  const nodes = [await world.join("a"), await world.join("b")] as [TestNode, TestNode];
  await shared(...nodes);
  return nodes;
}

const shared = (...nodes: TestNode[]) =>
  until(() =>
    nodes.every((node) => node.partitions().length >= Math.floor(4 / nodes.length)) &&
    nodes.flatMap((node) => node.partitions()).sort().join() === all.join()
  );

/** Every user's figure as each of the nodes tells it. */
async function told(node: TestNode): Promise<number[]> {
  return await Promise.all(users.map((user) => eventsOf(node, user)));
}

const everybody = (events: number) => users.map(() => events);

Deno.test("Cluster answers for every actor from every node", async () => {
  const world = new ClusterWorld();
  const [a, b] = await twoNodes(world);
  await world.send(...users);
  for (const node of [a, b]) {
    await until(async () => (await told(node)).every((events) => events === 1));
  }
  const gate = await world.join("gate", { roles: ["gateway"] });
  assert.deepEqual(await told(gate), everybody(1));
  assert.deepEqual(gate.partitions(), []);
  await world.end();
});

Deno.test("Cluster moves shards under questions, which wait and lose nothing", async () => {
  const world = new ClusterWorld();
  const a = await world.join("a");
  await world.send(...users);
  await until(async () => (await told(a)).every((events) => events === 1));
  const asking = new AbortController();
  let asked = 0;
  const askers = users.slice(0, 8).map(async (user) => {
    while (!asking.signal.aborted) {
      assert.equal(await eventsOf(a, user), 1);
      asked++;
      // All else on this thread has its turn.
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  });
  const b = await world.join("b");
  await shared(a, b);
  await b.leave();
  await until(() => a.partitions().join() === all.join());
  const c = await world.join("c");
  await shared(a, c);
  asking.abort();
  await Promise.all(askers);
  assert.ok(asked > 100);
  await world.send(...users);
  await until(async () => (await told(c)).every((events) => events === 2));
  // In order: each left its snapshots and said when.
  const rows = (await a.cluster.shards.freshReports()).filter(({ stage }) => stage === "player");
  assert.deepEqual(rows.map(({ partition }) => partition).sort(), all);
  assert.deepEqual([...new Set(rows.map(({ node }) => node))].sort(), ["a", "c"]);
  await world.end();
});

Deno.test("Cluster serves a shard whose release did not reach the store", async () => {
  const world = new ClusterWorld();
  const a = await world.join("a");
  await world.send(...users);
  await until(async () => (await told(a)).every((events) => events === 1));
  const commit = world.store.commit.bind(world.store);
  let lost = 0;
  world.store.commit = (batch) => {
    const isLost = batch.release === true && batch.stage === "player" && lost === 0;
    if (!isLost) return commit(batch);
    lost++;
    return Promise.reject(new Unavailable("store", "injected: it is away for a moment"));
  };
  const b = await world.join("b");
  await until(() => lost === 1);
  await shared(a, b);
  assert.equal(a.cluster.member.hasLease, true);
  await world.send(...users);
  await until(async () => (await told(b)).every((events) => events === 2));
  await world.end();
});

Deno.test("Cluster takes the shards of a node that vanished once its lease has run out", async () => {
  const world = new ClusterWorld();
  const [a, b] = await twoNodes(world);
  await world.send(...users);
  await until(async () => (await told(a)).every((events) => events === 1));
  const startedAt = performance.now();
  await b.vanish();
  await world.send(...users);
  await until(() => a.partitions().join() === all.join());
  const tookMs = performance.now() - startedAt;
  assert.ok(tookMs > limits.nodeLeaseMs - 2 * limits.nodeBeatMs, `after ${tookMs} ms`);
  await until(async () => (await told(a)).every((events) => events === 2));
  await world.end();
});

Deno.test("Cluster lets a watch see changes on another node, through moves of the shard", async () => {
  const world = new ClusterWorld();
  const [a, b] = await twoNodes(world);
  const stop = new AbortController();
  const seen = new Map<string, number>(users.map((user) => [user, 0]));
  const events: string[] = [];
  for (const user of users) {
    const watch = { type: "actor", kind: "player", id: `demo/${user}` } as const;
    void (async () => {
      for await (const _ of a.platform.watch(watch, stop.signal)) {
        seen.set(user, await eventsOf(a, user));
      }
    })();
  }
  void (async () => {
    const watch = { type: "events", studio: "demo", filter: {} } as const;
    for await (const event of a.platform.watch(watch, stop.signal)) events.push(event!.userId);
  })();
  await until(() => a.cluster.peers.link(b.life)?.isOpen === true);
  await world.send(...users);
  await until(() => [...seen.values()].every((count) => count === 1));
  await until(() => new Set(events).size === users.length);
  const c = await world.join("c");
  await until(() => a.cluster.peers.link(c.life)?.isOpen === true && c.partitions().length > 0);
  await b.leave();
  await shared(a, c);
  await world.send(...users);
  await until(() => [...seen.values()].every((count) => count === 2));
  stop.abort();
  await until(() => a.cluster.watches.size === 0);
  await world.end();
});

Deno.test("Cluster has operators act on a shard from any node", async () => {
  const world = new ClusterWorld();
  const [a, b] = await twoNodes(world);
  const [partition] = b.partitions();
  const shard = { stage: "player", partition: partition! } as const;
  await until(() => a.cluster.shards.placeOf(shard).node === "b");
  assert.equal(await a.cluster.shards.call(shard, "restart", shard), true);
  const rows = await a.cluster.shards.freshReports();
  assert.equal(rows.length, 10);
  await assert.rejects(
    a.cluster.peers.link(b.life)!.call("call", { shard, name: "stop", input: 0 }, 1000),
    { name: "Misdirected" },
  );
  await world.end();
});

Deno.test("Cluster answers 503 in time for a shard that nobody can serve", async () => {
  const world = new ClusterWorld();
  const gate = await world.join("gate", { roles: ["gateway"] });
  const startedAt = performance.now();
  await assert.rejects(eventsOf(gate, "u1"), Unavailable);
  const tookMs = performance.now() - startedAt;
  assert.ok(tookMs >= limits.moveWaitMsMax && tookMs < limits.moveWaitMsMax + 3000, `${tookMs} ms`);
  await world.end();
});
