import assert from "node:assert/strict";
import { join } from "node:path";
import { setLogLevel } from "../observability/logger.ts";
import { MetricsAccumulator } from "../observability/metrics_sink.ts";
import { startS3Double } from "../objects/testing/s3_double.ts";
import type { PartHealth } from "../platform.ts";
import { systemClock } from "../shard/clock.ts";
import { redisServerProgram, startRedisServer } from "../testing/redis_server.ts";
import { Supervisor } from "../tree/supervisor.ts";
import { startQdrantDouble } from "../vectors/testing/qdrant_double.ts";
import { atAngle, pointAt } from "../vectors/vectors_contract.ts";
import { NodeResources } from "./node_resources.ts";

const embedded = { cacheUrl: "memory:", vectorsUrl: "memory:", objectsUrl: "file:" };

function resources(urls: Partial<typeof embedded>, dataDir = "/nowhere") {
  setLogLevel("silent");
  const sink = new MetricsAccumulator();
  const config = { ...embedded, ...urls, dataDir };
  return { sink, resources: new NodeResources({ config, clock: systemClock(), sink }) };
}

/** Runs the children of the resources as a node does. */
function supervise(of: NodeResources): Supervisor {
  const silent = { debug() {}, info() {}, warn() {}, error() {}, with: () => silent };
  return Supervisor.root({
    id: "platform",
    strategy: "one_for_one",
    children: of.specs(),
    env: { clock: systemClock(), random: Math.random, log: silent },
  });
}

async function until(of: NodeResources, holds: (parts: PartHealth[]) => boolean): Promise<void> {
  const deadline = performance.now() + 10_000;
  while (!holds(of.health())) {
    assert.ok(performance.now() < deadline, JSON.stringify(of.health()));
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

const isWhole = (parts: PartHealth[]) => parts.every(({ degraded }) => degraded === undefined);

Deno.test("NodeResources has no part on the embedded defaults, and opens what is asked for", async () => {
  const dataDir = await Deno.makeTempDir({ prefix: "gamemetrics-resources-" });
  const { resources: node } = resources({}, dataDir);
  assert.deepEqual([node.specs(), node.health()], [[], []]);
  assert.deepEqual([node.scores, node.boards()], [undefined, undefined]);
  assert.equal(
    (await node.cache.limits.take("k", { capacity: 1, refillPerSecond: 1 })).allowed,
    true,
  );
  assert.equal(node.cache, node.cache);
  await node.vectors.upsert("c", [pointAt("s/a", 1)]);
  assert.equal((await node.vectors.search("c", atAngle(0), 1, "s")).length, 1);
  assert.deepEqual([...Deno.readDirSync(dataDir)], [], "nothing is written unasked");
  await node.objects.put("a", new Uint8Array([1]));
  assert.ok((await Deno.stat(join(dataDir, "objects"))).isDirectory);
  const elsewhere = join(dataDir, "other place");
  const { resources: named } = resources({ objectsUrl: `file://${encodeURI(elsewhere)}` });
  await named.objects.put("a", new Uint8Array([1]));
  assert.ok((await Deno.stat(elsewhere)).isDirectory);
  await Deno.remove(dataDir, { recursive: true });
});

Deno.test({
  name: "NodeResources runs its servers as parts that are ready though they are away",
  ignore: redisServerProgram() === undefined,
  async fn() {
    const redis = await startRedisServer();
    let qdrant = startQdrantDouble();
    const s3 = startS3Double();
    const urls = { cacheUrl: redis.url, vectorsUrl: qdrant.url, objectsUrl: s3.url };
    const { resources: node, sink } = resources(urls);
    assert.throws(() => node.cache, { code: "unavailable" });
    await assert.rejects(node.boards()!.page("b", 0, 1), { code: "unavailable" });
    const tree = supervise(node);
    await tree.start();
    await until(node, isWhole);
    assert.deepEqual(node.health().map(({ part }) => part), ["cache", "vectors", "objects"]);
    const scores = [["ann", 5], ["bob", 7]] as const;
    node.scores!.add({ game: "s/g", board: "score", scores });
    await node.scores!.flush();
    assert.equal((await node.boards()!.page('["s/g","score"]', 0, 10)).size, 2);
    await node.objects.put("a", new Uint8Array([1]));

    await redis.stop();
    await qdrant.stop();
    await until(node, (parts) => parts.filter(({ degraded }) => degraded).length === 2);
    const [cache, vectors] = node.health();
    assert.equal(cache!.ready && vectors!.ready, true);
    assert.match(cache!.degraded!, /^rate limits are kept per node, .*: /);
    assert.match(vectors!.degraded!, /^similarity is not answered, points wait: /);
    const again = await startRedisServer({ port: redis.port });
    qdrant = startQdrantDouble({ port: qdrant.port });
    await until(node, isWhole);

    await tree.stop();
    assert.equal((await node.cache.l2.get("x")) === undefined, true, "closed, it still answers");
    const open = sink.drain().resource_circuit_open!;
    assert.ok(open.some(([labels]) => labels[0] === "cache"));
    await again.stop();
    await qdrant.stop();
    await s3.close();
  },
});
