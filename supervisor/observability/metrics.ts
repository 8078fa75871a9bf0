/**
 * The registry of the process: what `/metrics` shows. Workers post {@link MetricsSnapshot}s, the
 * main thread counts in its own sink; both are merged here.
 *
 * @module
 */
import { Counter, Gauge, type Metric as PromMetric, Registry } from "prom-client";
import { type Metric, type MetricName, metricPrefix, metricTable } from "./metric_table.ts";
import {
  type Distribution,
  emptyDistribution,
  MetricsAccumulator,
  type MetricsSink,
  type MetricsSnapshot,
  seriesKey,
} from "./metrics_sink.ts";

export interface Metrics {
  /** For code on this thread. */
  readonly sink: MetricsSink;
  /** Merges what `source` (a worker's name) drained. */
  merge(source: string, snapshot: MetricsSnapshot): void;
  /** Drops the gauges that `source` set last: it is gone. What it counted stays counted. */
  forget(source: string): void;
  /** Drops the gauges of a shard that this node has no more. */
  forgetShard(stage: string, partition: number): void;
  /** Called before each {@link text}, to set gauges that are cheaper asked than kept. */
  onScrape(hook: (sink: MetricsSink) => void): void;
  /** The Prometheus text format. */
  text(): Promise<string>;
}

/** The name under which the main thread's own sink is merged. */
const ownSource = "main";

/** @param startedAtMs start of the process, milliseconds since the Unix epoch. @default now */
export function createMetrics(startedAtMs: number = Date.now()): Metrics {
  const registry = new Registry();
  const targets = new Map<MetricName, Target>();
  for (const name of Object.keys(metricTable) as MetricName[]) {
    targets.set(name, makeTarget(name, registry));
  }
  const sink = new MetricsAccumulator();
  const hooks: ((sink: MetricsSink) => void)[] = [
    (s) => setProcessGauges(s, startedAtMs),
  ];
  const merge = (source: string, snapshot: MetricsSnapshot) => {
    for (const [name, series] of Object.entries(snapshot)) {
      const target = targets.get(name as MetricName);
      for (const [labels, value] of series) target?.merge(source, labels, value);
    }
  };
  return {
    sink,
    merge,
    forget: (source) => targets.forEach((target) => target.forget(source)),
    forgetShard(stage, partition) {
      sink.forgetShard(stage, partition);
      targets.forEach((target) => target.forgetShard([stage, String(partition)]));
    },
    onScrape: (hook) => void hooks.push(hook),
    text: () => {
      for (const hook of hooks) hook(sink);
      merge(ownSource, sink.drain());
      return registry.metrics();
    },
  };
}

function setProcessGauges(sink: MetricsSink, startedAtMs: number): void {
  const memory = Deno.memoryUsage();
  sink.set("process_rss_bytes", memory.rss);
  sink.set("process_heap_used_bytes", memory.heapUsed);
  sink.set("process_uptime_seconds", (Date.now() - startedAtMs) / 1000);
}

/** Where the series of one metric are merged into. */
interface Target {
  merge(source: string, labels: readonly string[], value: number | Distribution): void;
  forget(source: string): void;
  forgetShard(shard: readonly [stage: string, partition: string]): void;
}

function makeTarget(key: MetricName, registry: Registry): Target {
  const metric: Metric = metricTable[key];
  const name = metricPrefix + key;
  const { help, labels } = metric;
  const config = { name, help, labelNames: [...labels], registers: [registry] };
  switch (metric.type) {
    case "counter": {
      const counter = new Counter(config);
      return {
        merge: (_, values, by) => counter.inc(labelsOf(labels, values), by as number),
        forget() {},
        forgetShard() {},
      };
    }
    case "gauge":
      return gaugeTarget(new Gauge(config), labels);
    case "histogram": {
      const histogram = new MergedHistogram(name, help, labels, metric.buckets ?? []);
      registry.registerMetric(histogram as unknown as PromMetric);
      return {
        merge: (_, values, part) => histogram.merge(values, part as Distribution),
        forget() {},
        forgetShard() {},
      };
    }
  }
}

/** A gauge belongs to the source that set it last; a shard that moved belongs to its new worker. */
function gaugeTarget(gauge: Gauge, labels: readonly string[]): Target {
  const owners = new Map<string, { source: string; values: readonly string[] }>();
  return {
    merge(source, values, value) {
      owners.set(seriesKey(values), { source, values });
      gauge.set(labelsOf(labels, values), value as number);
    },
    forget(source) {
      for (const [key, owner] of owners) {
        if (owner.source !== source) continue;
        owners.delete(key);
        gauge.remove(labelsOf(labels, owner.values));
      }
    },
    forgetShard(shard) {
      if (labels[0] !== "stage" || labels[1] !== "partition" || labels.length > 2) return;
      if (owners.delete(seriesKey(shard))) gauge.remove(labelsOf(labels, shard));
    },
  };
}

function labelsOf(names: readonly string[], values: readonly string[]): Record<string, string> {
  return Object.fromEntries(names.map((name, i) => [name, values[i] ?? ""]));
}

/** A histogram that adds up distributions; prom-client's own takes single values only. */
class MergedHistogram {
  readonly type = "histogram";
  readonly #series = new Map<string, { values: readonly string[]; sum: Distribution }>();

  constructor(
    readonly name: string,
    readonly help: string,
    readonly labels: readonly string[],
    readonly bounds: readonly number[],
  ) {}

  merge(values: readonly string[], part: Distribution): void {
    const key = seriesKey(values);
    let series = this.#series.get(key);
    if (series === undefined) {
      series = { values, sum: emptyDistribution(this.bounds.length) };
      this.#series.set(key, series);
    }
    series.sum.sum += part.sum;
    series.sum.count += part.count;
    part.buckets.forEach((count, i) => series.sum.buckets[i]! += count);
  }

  /** What the registry asks for: cumulated buckets, sum and count of every series. */
  get() {
    const values = [...this.#series.values()].flatMap(({ values, sum }) => {
      const labels = labelsOf(this.labels, values);
      let below = 0;
      return [
        ...this.bounds.map((le, i) =>
          this.#value("_bucket", { ...labels, le }, below += sum.buckets[i]!)
        ),
        this.#value("_bucket", { ...labels, le: "+Inf" }, sum.count),
        this.#value("_sum", labels, sum.sum),
        this.#value("_count", labels, sum.count),
      ];
    });
    return Promise.resolve({ name: this.name, help: this.help, type: this.type, values });
  }

  #value(suffix: string, labels: Record<string, string | number>, value: number) {
    return { metricName: this.name + suffix, labels, value };
  }
}
