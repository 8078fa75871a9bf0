/**
 * Who takes much of a shard: found in the cost ledgers now and then, counted as a metric, told to the
 * log now and then, and marked where operators list actors.
 *
 * @module
 */
import { limits } from "../../schema/limits.ts";
import { partitionOf } from "../../schema/partition.ts";
import type { StageName } from "../store/store.ts";
import type { CostLedger, CostMeasure } from "./cost_ledger.ts";
import type { Logger } from "./logger.ts";
import type { MetricsSink } from "./metrics_sink.ts";

export interface HotActor {
  readonly id: string;
  readonly partition: number;
  /** Of what the actors of its shard cost, 0 to 1. */
  readonly eventsShare: number;
  readonly cpuShare: number;
}

export interface HotActorsOptions {
  readonly costs: Readonly<Record<StageName, CostLedger>>;
  /** How many shards a stage has. */
  readonly partitions: Readonly<Record<StageName, number>>;
  /** Milliseconds since the Unix epoch. */
  readonly now: () => number;
  readonly log: Logger;
  readonly sink: MetricsSink;
}

/** More than can be hot: each takes a share of its own. */
const looked = 200;

/** The hot actors of a stage, by what its ledger says. */
export function findHot(costs: CostLedger, partitions: number, now: number): HotActor[] {
  const ids = (["events", "cpuUs"] as const satisfies CostMeasure[])
    .flatMap((measure) => costs.top(measure, looked).items.map(({ id }) => id));
  return [...new Set(ids)].flatMap((id) => {
    const partition = partitionOf(id, partitions);
    const [own, all] = [costs.of(id), costs.ofShard(partition)];
    const ms = now - all.since;
    if (ms < limits.hotActorMsMin) return [];
    const share = (measure: CostMeasure) => Math.min(1, own[measure] / Math.max(1, all[measure]));
    const min = limits.hotActorSharePercentMin / 100;
    const isByEvents = share("events") >= min &&
      own.events >= limits.hotActorEventsPerSecondMin * ms / 1000;
    const isByCpu = share("cpuUs") >= min &&
      own.cpuUs / 1000 >= limits.hotActorCorePercentMin / 100 * ms;
    if (!isByEvents && !isByCpu) return [];
    return [{ id, partition, eventsShare: share("events"), cpuShare: share("cpuUs") }];
  });
}

export class HotActors {
  readonly #hot = new Map<StageName, Map<string, HotActor>>();
  /** Who was told of, and when. */
  readonly #told = new Map<string, number>();
  #lookedAt = -Infinity;

  constructor(readonly options: HotActorsOptions) {}

  /** Looks again, if it is time; `shards` are those that are counted for. */
  look(shards: readonly { readonly stage: string; readonly partition: number }[]): void {
    const { costs, partitions, now, sink } = this.options;
    if (now() - this.#lookedAt < limits.hotActorLookMs) return;
    this.#lookedAt = now();
    for (const [key, at] of this.#told) {
      if (now() - at >= limits.hotActorWarnMs) this.#told.delete(key);
    }
    for (const stage of Object.keys(costs) as StageName[]) {
      const hot = findHot(costs[stage], partitions[stage], now());
      this.#hot.set(stage, new Map(hot.map((actor) => [actor.id, actor])));
      for (const actor of hot) this.#tell(stage, actor);
    }
    for (const { stage, partition } of shards) {
      const hot = [...this.#hot.get(stage as StageName)?.values() ?? []];
      const count = hot.filter((actor) => actor.partition === partition).length;
      sink.set("hot_actors", count, { stage, partition });
    }
  }

  #tell(stage: StageName, { id, partition, eventsShare, cpuShare }: HotActor): void {
    const { log, now } = this.options;
    const key = `${stage}/${id}`;
    if (this.#told.has(key)) return;
    this.#told.set(key, now());
    const percent = (share: number) => Math.round(share * 100);
    log.warn("An actor takes much of its shard", {
      stage,
      partition,
      actor: id,
      events_percent: percent(eventsShare),
      cpu_percent: percent(cpuShare),
    });
  }

  isHot(stage: StageName, id: string): boolean {
    return this.#hot.get(stage)?.has(id) === true;
  }
}
