import assert from "node:assert/strict";
import { createMetrics } from "./metrics.ts";
import { metricPrefix, metricTable } from "./metric_table.ts";
import { MetricsAccumulator } from "./metrics_sink.ts";

/** The value of a series in Prometheus text, by its full name and labels; undefined if not shown. */
function valueOf(text: string, series: string): number | undefined {
  const line = text.split("\n").find((l) => l.startsWith(`${series} `));
  return line === undefined ? undefined : Number(line.slice(series.length + 1));
}

Deno.test("metricTable follows the naming rules of Prometheus", () => {
  for (const [name, metric] of Object.entries(metricTable)) {
    assert.match(name, /^[a-z][a-z0-9_]*$/);
    assert.equal(name.endsWith("_total"), metric.type === "counter", name);
    assert.equal(metric.type === "histogram", "buckets" in metric, name);
  }
});

Deno.test("createMetrics() describes every metric of the table, under the prefix", async () => {
  const text = await createMetrics().text();
  for (const [name, { type }] of Object.entries(metricTable)) {
    assert.match(text, new RegExp(`^# TYPE ${metricPrefix}${name} ${type}$`, "m"));
  }
});

Deno.test("Metrics.text() adds up what workers and the main thread counted", async () => {
  const metrics = createMetrics();
  const workers = [new MetricsAccumulator(), new MetricsAccumulator()];
  for (const worker of workers) worker.add("events_applied_total", 5, { stage: "player" });
  metrics.sink.add("events_applied_total", 1, { stage: "player" });
  const post = () => workers.forEach((w, i) => metrics.merge(`w${i}`, structuredClone(w.drain())));
  post();
  workers[0]!.add("events_applied_total", 2, { stage: "player" });
  post();
  const series = 'gamemetrics_events_applied_total{stage="player"}';
  assert.equal(valueOf(await metrics.text(), series), 13);
  assert.equal(valueOf(await metrics.text(), series), 13, "a second scrape counts nothing twice");
});

Deno.test("Metrics.text() cumulates histogram buckets over sources", async () => {
  const metrics = createMetrics();
  const worker = new MetricsAccumulator();
  for (const s of [0.001, 0.003, 0.02, 99]) worker.observe("log_flush_seconds", s);
  metrics.merge("a", worker.drain());
  worker.observe("log_flush_seconds", 0.003);
  metrics.merge("a", worker.drain());
  const text = await metrics.text();
  const name = "gamemetrics_log_flush_seconds";
  assert.equal(valueOf(text, `${name}_bucket{le="0.001"}`), 1);
  assert.equal(valueOf(text, `${name}_bucket{le="0.005"}`), 3);
  assert.equal(valueOf(text, `${name}_bucket{le="5"}`), 4);
  assert.equal(valueOf(text, `${name}_bucket{le="+Inf"}`), 5);
  assert.equal(valueOf(text, `${name}_count`), 5);
  assert.equal(valueOf(text, `${name}_sum`), 99.027);
});

Deno.test("Metrics.forget() drops the gauges of a gone worker but not those another took over", async () => {
  const metrics = createMetrics();
  const [old, taker] = [new MetricsAccumulator(), new MetricsAccumulator()];
  old.set("shard_lag", 7, { stage: "player", partition: 0 });
  old.set("shard_lag", 8, { stage: "player", partition: 1 });
  old.add("shard_commits_total", 3, { stage: "player" });
  metrics.merge("old", old.drain());
  taker.set("shard_lag", 9, { stage: "player", partition: 1 });
  metrics.merge("taker", taker.drain());
  metrics.forget("old");
  const text = await metrics.text();
  assert.equal(valueOf(text, 'gamemetrics_shard_lag{stage="player",partition="0"}'), undefined);
  assert.equal(valueOf(text, 'gamemetrics_shard_lag{stage="player",partition="1"}'), 9);
  assert.equal(valueOf(text, 'gamemetrics_shard_commits_total{stage="player"}'), 3);
});

Deno.test("Metrics.onScrape() hooks set gauges just before the text is made", async () => {
  const metrics = createMetrics(Date.now() - 5000);
  let lag = 1;
  metrics.onScrape((sink) => sink.set("part_ready", lag++, { part: "store" }));
  const series = 'gamemetrics_part_ready{part="store"}';
  assert.equal(valueOf(await metrics.text(), series), 1);
  const text = await metrics.text();
  assert.equal(valueOf(text, series), 2);
  assert.ok(valueOf(text, "gamemetrics_process_rss_bytes")! > 1e6);
  assert.ok(valueOf(text, "gamemetrics_process_uptime_seconds")! >= 5);
});

Deno.test("MetricsAccumulator.drain() empties counters and histograms and keeps gauges", () => {
  const sink = new MetricsAccumulator();
  sink.add("timers_fired_total", 2, { stage: "player" });
  sink.set("websocket_clients", 3);
  sink.observe("log_flush_seconds", 0.004);
  assert.deepEqual(sink.drain(), {
    timers_fired_total: [[["player"], 2]],
    websocket_clients: [[[], 3]],
    log_flush_seconds: [[[], {
      sum: 0.004,
      count: 1,
      buckets: [0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    }]],
  });
  assert.deepEqual(sink.drain(), { websocket_clients: [[[], 3]] });
});

Deno.test("MetricsAccumulator.forgetShard() drops the gauges of that shard only", () => {
  const sink = new MetricsAccumulator();
  for (const partition of [1, 11]) sink.set("shard_lag", 5, { stage: "player", partition });
  sink.set("actors_live", 5, { stage: "player", partition: 1 });
  sink.forgetShard("player", 1);
  assert.deepEqual(sink.drain(), { shard_lag: [[["player", "11"], 5]], actors_live: [] });
});

Deno.test("MetricsAccumulator.add() refuses to let a counter shrink", () => {
  const sink = new MetricsAccumulator();
  assert.throws(() => sink.add("timers_fired_total", -1, { stage: "player" }), RangeError);
  assert.throws(() => sink.add("timers_fired_total", NaN, { stage: "player" }), RangeError);
});
