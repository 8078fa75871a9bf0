/**
 * Where code counts. A sink accumulates plain numbers in its own worker; what it drains is posted
 * to the main thread, which merges it into the registry that `/metrics` shows.
 *
 * @module
 */
import {
  type CounterName,
  type GaugeName,
  type HistogramName,
  type LabelsOf,
  type Metric,
  type MetricName,
  metricTable,
} from "./metric_table.ts";

export interface MetricsSink {
  /** Adds `by` (≥ 0) to a counter. */
  add<N extends CounterName>(name: N, by: number, ...labels: LabelsOf<N>): void;
  /** Sets a gauge. */
  set<N extends GaugeName>(name: N, value: number, ...labels: LabelsOf<N>): void;
  /** Counts a value, in the metric's unit, into a histogram. */
  observe<N extends HistogramName>(name: N, value: number, ...labels: LabelsOf<N>): void;
}

/** One labelled series: label values in the table's order, then its number or distribution. */
export type Series = readonly [labels: readonly string[], value: number | Distribution];

export interface Distribution {
  sum: number;
  count: number;
  /** Values in each bucket alone (not cumulated); those above the last bound are in `count` only. */
  buckets: number[];
}

/**
 * What a sink gathered: counters and histograms since the last drain, gauges as they are.
 * Plain data, fit for `postMessage`.
 */
export type MetricsSnapshot = Partial<Record<MetricName, Series[]>>;

/** A {@link MetricsSink} that can be emptied. */
export class MetricsAccumulator implements MetricsSink {
  readonly #series = new Map<MetricName, Map<string, [string[], number | Distribution]>>();

  add<N extends CounterName>(name: N, by: number, ...labels: LabelsOf<N>): void {
    if (!(by >= 0)) throw new RangeError(`Cannot add ${by} to ${name}: a counter only grows`);
    const series = this.#of(name, labels[0], 0);
    series[1] = series[1] as number + by;
  }

  set<N extends GaugeName>(name: N, value: number, ...labels: LabelsOf<N>): void {
    this.#of(name, labels[0], 0)[1] = value;
  }

  observe<N extends HistogramName>(name: N, value: number, ...labels: LabelsOf<N>): void {
    const bounds = metricTable[name].buckets;
    const distribution = this.#of(name, labels[0], null)[1] as Distribution;
    distribution.sum += value;
    distribution.count++;
    for (let i = 0; i < bounds.length; i++) {
      if (value <= bounds[i]!) {
        distribution.buckets[i]!++;
        break;
      }
    }
  }

  /** Takes what was gathered; counters and histograms begin anew, gauges stay. */
  drain(): MetricsSnapshot {
    const snapshot: MetricsSnapshot = {};
    for (const [name, series] of this.#series) {
      const metric: Metric = metricTable[name];
      snapshot[name] = [...series.values()].map(([labels, value]) => [labels, value] as const);
      if (metric.type !== "gauge") this.#series.delete(name);
    }
    return snapshot;
  }

  /** Drops the gauges of one shard: it moved away and its last numbers are no longer true. */
  forgetShard(stage: string, partition: number): void {
    for (const [name, series] of this.#series) {
      const labels: readonly string[] = metricTable[name].labels;
      if (labels[0] === "stage" && labels[1] === "partition") {
        series.delete(seriesKey([stage, String(partition)]));
      }
    }
  }

  /** The series of `name` with these labels, made on first use; `null` asks for a distribution. */
  #of(
    name: MetricName,
    labels: Readonly<Record<string, string | number>> | undefined,
    initial: number | null,
  ): [string[], number | Distribution] {
    const metric: Metric = metricTable[name];
    const values = metric.labels.map((label) => String(labels?.[label]));
    let ofName = this.#series.get(name);
    if (ofName === undefined) this.#series.set(name, ofName = new Map());
    const key = seriesKey(values);
    let series = ofName.get(key);
    if (series === undefined) {
      series = [values, initial ?? emptyDistribution(metric.buckets!.length)];
      ofName.set(key, series);
    }
    return series;
  }
}

/** The identity of a series within its metric. */
export function seriesKey(labelValues: readonly string[]): string {
  return labelValues.join("\n");
}

/** A distribution of nothing. */
export function emptyDistribution(buckets: number): Distribution {
  return { sum: 0, count: 0, buckets: new Array(buckets).fill(0) };
}

/** A sink for code that nobody measures. */
export const noMetrics: MetricsSink = { add() {}, set() {}, observe() {} };
