import assert from "node:assert/strict";
import { InvalidInput, Unavailable } from "../../schema/errors.ts";
import { createLogger } from "../observability/logger.ts";
import { MetricsAccumulator } from "../observability/metrics_sink.ts";
import { ResourceMeter } from "../observability/resource_meter.ts";
import { serviceUrl } from "../testing/services.ts";
import { QdrantVectors } from "./qdrant_vectors.ts";
import { startQdrantDouble } from "./testing/qdrant_double.ts";
import { atAngle, eventually, pointAt, vectorsContract } from "./vectors_contract.ts";

const log = createLogger({ write() {}, level: () => "silent" });

function open(url: string, waitingMax?: number) {
  const sink = new MetricsAccumulator();
  const meter = new ResourceMeter(sink, "vectors");
  const limit = waitingMax === undefined ? {} : { waitingMax };
  return { sink, vectors: new QdrantVectors({ url, meter, log, ...limit }) };
}

const named = serviceUrl("VECTORS_URL");
const isServer = /^https?:/.test(named ?? "");
vectorsContract("QdrantVectors of VECTORS_URL", () => {
  const { vectors } = open(named!);
  return Promise.resolve({ vectors, dispose: () => vectors.close() });
}, !isServer);

vectorsContract("QdrantVectors on a double", () => {
  const double = startQdrantDouble();
  const { vectors } = open(double.url);
  const dispose = async () => {
    await vectors.close();
    await double.stop();
  };
  return Promise.resolve({ vectors, dispose });
});

const ids = async (vectors: QdrantVectors) =>
  (await vectors.search("c", atAngle(0), 10, "s")).map(({ id }) => id).join(" ");

Deno.test("QdrantVectors keeps writes of an outage, refuses searches, and catches up", async () => {
  let double = startQdrantDouble();
  const { vectors, sink } = open(double.url, 4);
  await eventually("it is there", () => vectors.fault() === undefined);
  await vectors.ensure("c");
  await vectors.upsert("c", [pointAt("s/a", 10), pointAt("s/b", 20)]);
  await eventually("both are written", async () => await ids(vectors) === "s/a s/b");

  await double.stop();
  await vectors.upsert("c", [pointAt("s/c", 15)]);
  await eventually("it is noticed", () => vectors.fault() !== undefined);
  await assert.rejects(vectors.search("c", atAngle(0), 1, "s"), Unavailable);
  await assert.rejects(vectors.ensure("d"), Unavailable);
  await vectors.remove("c", ["s/a"]);
  // A later write of the same point takes no room.
  for (let degrees = 1; degrees <= 19; degrees++) {
    await vectors.upsert("c", [pointAt("s/d", degrees)]);
  }
  await vectors.upsert("c", [pointAt("s/e", 12)]);
  const two = [pointAt("s/e", 13), pointAt("s/f", 1)];
  await assert.rejects(vectors.upsert("c", two), Unavailable, "there is room for four");
  assert.equal(vectors.waiting, 4);

  // As a server that has its disk still, and then one that has lost it.
  const { port, data } = double;
  double = startQdrantDouble({ port, data });
  await eventually("it has caught up", () => vectors.waiting === 0);
  assert.equal(await ids(vectors), "s/e s/c s/d s/b");
  assert.ok(data.has("d"), "what was to be made is made");
  await double.stop();
  await assert.rejects(vectors.search("c", atAngle(0), 1, "s"), Unavailable);
  await vectors.upsert("c", [pointAt("s/new", 1)]);
  await eventually("it is noticed", () => vectors.fault() !== undefined);
  double = startQdrantDouble({ port });
  await eventually("it has caught up", () => vectors.waiting === 0);
  await eventually("it is found", async () => await ids(vectors) === "s/new");
  await vectors.close();
  await double.stop();
  const { resource_calls_total: calls, resource_waiting: waiting } = sink.drain();
  const refused = calls!.filter(([labels]) => labels[2] === "refused");
  assert.ok(refused.some(([labels]) => labels[1] === "search"));
  assert.deepEqual(waiting, [[["vectors"], 0]]);
});

Deno.test("QdrantVectors gives up points that Qdrant refuses, and goes on", async () => {
  const double = startQdrantDouble();
  // Another program has made the collection, of other vectors.
  double.data.set("c", { size: 3, points: new Map() });
  const { vectors, sink } = open(double.url);
  await vectors.upsert("c", [pointAt("s/a", 1)]);
  await vectors.upsert("d", [pointAt("s/b", 1)]);
  await eventually("nothing waits", () => vectors.waiting === 0);
  const [found] = await vectors.search("d", atAngle(0), 1, "s");
  assert.equal(found!.id, "s/b");
  assert.deepEqual(sink.drain().resource_lost_total, [[["vectors", "upsert"], 1]]);
  await assert.rejects(vectors.search("c", atAngle(0), 1, "s"), Unavailable);
  assert.equal(vectors.fault(), undefined, "an answer is no outage");
  await vectors.close();
  await assert.rejects(vectors.upsert("d", [pointAt("s/b", 1)]), Unavailable);
  await assert.rejects(vectors.ensure("a b"), InvalidInput);
  await double.stop();
});

Deno.test("QdrantVectors notices that its server is gone, and back, though nobody asks for it", async () => {
  let double = startQdrantDouble();
  const { vectors } = open(double.url);
  await eventually("it is there", () => vectors.fault() === undefined);
  await double.stop();
  await eventually("it is noticed", () => vectors.fault() !== undefined);
  double = startQdrantDouble({ port: double.port });
  await eventually("it is back", () => vectors.fault() === undefined);
  await vectors.close();
  await double.stop();
});

Deno.test("QdrantVectors shows its key, and says that a wrong one is refused", async () => {
  const double = startQdrantDouble({ apiKey: "k/1" });
  const right = open(double.url.replace("://", "://:k%2F1@")).vectors;
  await eventually("it is there", () => right.fault() === undefined);
  await right.close();
  const wrong = open(double.url).vectors;
  await eventually("it is told", () => /403/.test(wrong.fault() ?? ""));
  await wrong.close();
  await double.stop();
});
