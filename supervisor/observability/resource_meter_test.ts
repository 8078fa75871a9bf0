import assert from "node:assert/strict";
import { MetricsAccumulator } from "./metrics_sink.ts";
import { ResourceMeter } from "./resource_meter.ts";

Deno.test("ResourceMeter counts calls by what became of them, and times those that were made", async () => {
  const sink = new MetricsAccumulator();
  const meter = new ResourceMeter(sink, "cache");
  assert.equal(await meter.run("get", () => Promise.resolve(1)), 1);
  await assert.rejects(meter.run("get", () => Promise.reject(new TypeError("x"))), TypeError);
  meter.refused("get");
  meter.circuit(true);
  meter.waiting(3);
  meter.lost("publish", 2);
  const { resource_calls_total: calls, resource_seconds: seconds, ...rest } = sink.drain();
  const counted = calls!.map(([labels, n]) => `${labels.join(" ")} ${n}`).sort();
  assert.deepEqual(counted, ["cache get error 1", "cache get ok 1", "cache get refused 1"]);
  assert.equal((seconds![0]![1] as { count: number }).count, 2);
  assert.deepEqual(rest, {
    resource_circuit_open: [[["cache"], 1]],
    resource_waiting: [[["cache"], 3]],
    resource_lost_total: [[["cache", "publish"], 2]],
  });
});
