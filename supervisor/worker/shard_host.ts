/**
 * The shards of one worker, under their supervisors, and what can be asked of them.
 *
 * @module
 */
import { Fenced, InvariantBroken } from "../../schema/errors.ts";
import { fingerprintHex } from "../../schema/hash.ts";
import { topicTable } from "../../schema/topics.ts";
import type { Log } from "../log/log.ts";
import { type Logger, logger } from "../observability/logger.ts";
import type { CostLedger } from "../observability/cost_ledger.ts";
import { HotActors } from "../observability/hot_actors.ts";
import { MetricsAccumulator } from "../observability/metrics_sink.ts";
import { systemClock } from "../shard/clock.ts";
import { recentEffects } from "../replay/recent_effects.ts";
import { actorsOf, liveActors } from "../shard/restore/live_actors.ts";
import { Shard } from "../shard/shard.ts";
import type { Stage } from "../shard/stage.ts";
import type { StageName, Store } from "../store/store.ts";
import type { ChildSpec } from "../tree/child.ts";
import { Supervisor } from "../tree/supervisor.ts";
import { shardChild } from "./shard_child.ts";
import { shardEvents, ShardGauges } from "./shard_metrics.ts";
import { Watches } from "./watches.ts";
import type {
  ActInput,
  ActorInspection,
  ActorsInput,
  ActorsReport,
  AskInput,
  Fired,
  HaltedReport,
  ShardId,
  WorkerInit,
  WorkerReport,
} from "./worker_protocol.ts";

const keyOf = ({ stage, partition }: ShardId) => `${stage}/${partition}`;

export interface HostPorts {
  readonly log: Log;
  readonly store: Store;
  readonly stages: Readonly<Record<StageName, Stage>>;
  /** What the actors of each stage cost. */
  readonly costs: Readonly<Record<StageName, CostLedger>>;
  readonly fired: (notice: Fired) => void;
}

function hotActors(init: WorkerInit, { costs }: HostPorts, sink: MetricsAccumulator): HotActors {
  const topics = topicTable(init.rawPartitions);
  return new HotActors({
    costs,
    partitions: {
      player: topics["player.events.raw"].partitions,
      game: topics["game.deltas"].partitions,
    },
    now: () => Date.now() + init.clockOffsetMs,
    log: logger("shard", { worker: init.owner }),
    sink,
  });
}

export class ShardHost {
  readonly watches = new Watches();
  readonly #shards = new Map<string, Shard>();
  readonly #faults = new Map<string, string>();
  readonly #sink = new MetricsAccumulator();
  readonly #gauges = new ShardGauges();
  readonly #log: Logger;
  readonly #costs: HostPorts["costs"];
  readonly #hot: HotActors;
  readonly #supervisor: Supervisor;

  constructor(init: WorkerInit, ports: HostPorts) {
    const clock = systemClock(init.clockOffsetMs);
    const topics = topicTable(init.rawPartitions);
    this.#costs = ports.costs;
    this.#hot = hotActors(init, ports, this.#sink);
    const log = this.#log = logger("shard", { worker: init.owner });
    for (const { stage, partition } of init.shards) {
      const shard = new Shard({
        ...ports,
        stage: ports.stages[stage],
        partition,
        owner: init.owner,
        clock,
        topics,
        actorBytesMax: init.actorBytesMax / init.shards.length,
        events: shardEvents(stage, this.#sink, log, (batch, touched) => {
          ports.costs[stage].committed(batch);
          const { trace } = batch;
          for (const notice of this.watches.match(batch, touched)) {
            ports.fired(trace === undefined ? notice : { ...notice, trace });
          }
        }),
      });
      this.#shards.set(keyOf({ stage, partition }), shard);
    }
    const stages = [...new Set(init.shards.map((shard) => shard.stage))];
    const children = stages.map((stage) => this.#stageSpec(stage, init.shards));
    const env = { clock, random: Math.random, log };
    this.#supervisor = Supervisor.root({
      id: init.owner,
      strategy: "one_for_one",
      children,
      env,
    });
    this.#supervisor.start().catch(() => {}); // `exited` tells
  }

  #stageSpec(stage: StageName, shards: readonly ShardId[]): ChildSpec {
    const ofStage = shards.filter((shard) => shard.stage === stage);
    return Supervisor.spec({
      id: stage,
      strategy: "one_for_one",
      children: ofStage.map((id) => {
        const name = keyOf(id);
        return shardChild(String(id.partition), this.#shards.get(name)!, (fault, error) => {
          if (error instanceof Fenced) this.#fenced(stage, error);
          if (fault === undefined) this.#faults.delete(name);
          else this.#faults.set(name, fault);
        });
      }),
    });
  }

  #fenced(stage: StageName, error: Fenced): void {
    this.#sink.add("shard_fenced_total", 1, { stage });
    this.#log.warn("Another owner has the shard", { stage, error: error.message });
  }

  async stop(): Promise<void> {
    await this.#supervisor.stop();
  }

  /** Resolves when the shards are down for good. */
  get exited() {
    return this.#supervisor.exited;
  }

  shard(id: ShardId): Shard {
    const shard = this.#shards.get(keyOf(id));
    if (shard !== undefined) return shard;
    throw new InvariantBroken(`Shard ${keyOf(id)} does not live in this worker`);
  }

  ask(input: AskInput): Promise<unknown> {
    const { actorId, query, now, asOf } = input;
    return this.shard(input).ask(actorId, query, now, asOf);
  }

  /** Stops a shard in order and starts it again; false when that is under way already. */
  restart({ stage, partition }: ShardId): Promise<boolean> {
    return this.#supervisor.restart([stage, String(partition)]);
  }

  act({ actorId, action, ...id }: ActInput): Promise<boolean> {
    const shard = this.shard(id);
    return action === "restart" ? shard.restartActor(actorId) : shard.passivateActor(actorId);
  }

  /** Actors of all shards of this worker that stand still until they are restarted. */
  halted(): HaltedReport[] {
    return [...this.#shards.values()].flatMap((shard) => {
      const { stage, partition } = shard.options;
      return shard.halted().map((actor) => ({ stage: stage.name, partition, ...actor }));
    });
  }

  /** The first actors of a stage by a measure, over all shards of this worker. */
  actors({ stage, sort, limit }: ActorsInput): ActorsReport {
    // A shard that is between two owners has no live actors.
    const shards = [...this.#shards.values()].filter((shard) =>
      shard.options.stage.name === stage && shard.report().epoch > 0
    );
    const costs = this.#costs[stage];
    if (sort === "bytes" || sort === "mailbox") {
      const reports = shards.map((shard) => shard.report());
      const items = shards.flatMap((shard) => liveActors(shard.owned, sort, limit))
        .sort((a, b) => b[sort] - a[sort]).slice(0, limit)
        .map((actor) => ({ ...actor, ...this.#costOf(stage, actor.id) }));
      const total = reports.reduce((n, r) => n + (sort === "bytes" ? r.actorBytes : r.mailbox), 0);
      return { total, items };
    }
    const { total, items } = costs.top(sort === "cpu" ? "cpuUs" : "events", limit);
    const ids = items.map(({ id }) => id);
    const live = new Map(
      shards.flatMap((shard) => actorsOf(shard.owned, ids)).filter(({ bytes }) => bytes > 0)
        .map((actor) => [actor.id, actor]),
    );
    const none = { bytes: 0, mailbox: 0 };
    const told = items.map(({ id }) => (
      { id, ...none, ...live.get(id), ...this.#costOf(stage, id) }
    ));
    return { total, items: told };
  }

  #costOf(stage: StageName, id: string) {
    return { cost: this.#costs[stage].of(id), hot: this.#hot.isHot(stage, id) };
  }

  /** An actor as operators see it; `null` when the store has never seen it. */
  async inspect(input: AskInput): Promise<ActorInspection | null> {
    const found = await this.shard(input).inspect(input.actorId, input.asOf);
    if (found === undefined) return null;
    const { cell, parts, live, degraded } = found;
    const until = { ...input.asOf, offset: cell.offset };
    const recent = await recentEffects(this.shard(input).options, input.actorId, until);
    return {
      id: input.actorId,
      version: `${input.partition}:${cell.offset}`,
      hash: fingerprintHex(parts.map(({ part, body }) => `${part}=${body}`).join("\n")),
      bytes: cell.bytes,
      live,
      cost: this.#costs[input.stage].of(input.actorId),
      recent_effects: recent,
      ...(degraded === undefined ? {} : { degraded }),
      state: Object.fromEntries(parts.map(({ part, body }) => [part || "state", JSON.parse(body)])),
    };
  }

  report(): WorkerReport {
    const shards = [...this.#shards.values()].map((shard) => shard.report());
    for (const report of shards) this.#gauges.record(report, this.#sink);
    this.#hot.look(shards);
    return {
      shards,
      metrics: this.#sink.drain(),
      tree: this.#supervisor.tree(),
      faults: [...this.#faults.values()],
    };
  }
}
