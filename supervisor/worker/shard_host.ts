/**
 * The shards of one worker, under their supervisors, and what can be asked of them.
 *
 * @module
 */
import { stateHash } from "../../actors/kernel/state_hash.ts";
import { Fenced, Misdirected, OffsetMissing } from "../../schema/errors.ts";
import { type Topics, topicTable } from "../../schema/topics.ts";
import type { Log } from "../log/log.ts";
import { type Logger, logger } from "../observability/logger.ts";
import type { CostLedger } from "../observability/cost_ledger.ts";
import { HotActors } from "../observability/hot_actors.ts";
import { MetricsAccumulator } from "../observability/metrics_sink.ts";
import { type Clock, systemClock } from "../shard/clock.ts";
import { recentEffects } from "../replay/recent_effects.ts";
import { actorsOf, liveActors } from "../shard/restore/live_actors.ts";
import { Shard } from "../shard/shard.ts";
import type { Stage } from "../shard/stage.ts";
import type { StageName, Store } from "../store/store.ts";
import { budgetOf } from "../thread/actor_budget.ts";
import { LoopShare } from "../thread/loop_share.ts";
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
  /** A shard was lost to another node and is gone from here. Called with leases only. */
  readonly lost?: (id: ShardId) => void;
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
  readonly #clock: Clock;
  readonly #loop = LoopShare.ofThread();
  readonly #topics: Topics;
  readonly #costs: HostPorts["costs"];
  readonly #hot: HotActors;
  readonly #supervisor: Supervisor;

  /** Resolves when shards may come and go. */
  readonly #started: Promise<void>;

  constructor(readonly init: WorkerInit, readonly ports: HostPorts) {
    this.#clock = systemClock(init.clockOffsetMs);
    this.#topics = topicTable(init.rawPartitions);
    this.#costs = ports.costs;
    this.#hot = hotActors(init, ports, this.#sink);
    this.#log = logger("shard", { worker: init.owner });
    for (const shard of init.shards) this.#make(shard);
    this.#supervisor = Supervisor.root({
      id: init.owner,
      strategy: "one_for_one",
      children: init.stages.map((stage) => this.#stageSpec(stage)),
      env: { clock: this.#clock, random: Math.random, log: this.#log },
    });
    this.#started = this.#supervisor.start().catch(() => {}); // `exited` tells
  }

  #make({ stage, partition }: ShardId): void {
    const { init, ports } = this;
    const shards = this.#shards;
    const shard: Shard = new Shard({
      ...ports,
      stage: ports.stages[stage],
      partition,
      owner: init.owner,
      lease: init.lease,
      clock: this.#clock,
      loop: this.#loop,
      topics: this.#topics,
      /** What the worker has is for whatever shards it has, the busy ones above all. */
      get actorBytesMax() {
        const all = Array.from(shards.values(), ({ actorBytes }) => actorBytes);
        return budgetOf(init.actorBytesMax, shard.actorBytes, all);
      },
      events: shardEvents(stage, this.#sink, this.#log, (batch, touched) => {
        ports.costs[stage].committed(batch);
        const { trace } = batch;
        for (const notice of this.watches.match(batch, touched)) {
          ports.fired(trace === undefined ? notice : { ...notice, trace });
        }
      }),
    });
    shards.set(keyOf({ stage, partition }), shard);
  }

  /** A stage that is started again begins with the shards that there are then. */
  #stageSpec(stage: StageName): ChildSpec {
    const spec = (children: readonly ChildSpec[]) =>
      Supervisor.spec({ id: stage, strategy: "one_for_one", children });
    const start: ChildSpec["start"] = (context) => {
      const shards = [...this.#shards.values()].filter(({ options }) =>
        options.stage.name === stage
      );
      return spec(shards.map((shard) => this.#shardSpec(shard))).start(context);
    };
    return { ...spec([]), start };
  }

  #shardSpec(shard: Shard): ChildSpec {
    const { partition, stage: { name: stage } } = shard.options;
    const name = keyOf({ stage, partition });
    return shardChild(String(partition), shard, (fault, error) => {
      if (error instanceof Fenced) this.#fenced({ stage, partition }, error);
      if (error instanceof OffsetMissing) {
        this.#sink.add("shard_offset_missing_total", 1, { stage });
        this.#log.error("A shard stands still, as the log has lost what it has not read", {
          stage,
          partition,
          error: error.message,
        });
      }
      if (fault === undefined) this.#faults.delete(name);
      else if (this.#shards.get(name) === shard) this.#faults.set(name, fault);
    });
  }

  /** Takes a shard and serves it; nothing if it is there already. */
  async assign(id: ShardId): Promise<void> {
    await this.#started;
    if (this.#shards.has(keyOf(id))) return;
    this.#make(id);
    // A stage that is down comes up with it.
    this.#supervisor.add([id.stage], this.#shardSpec(this.#shards.get(keyOf(id))!));
  }

  /** Lets go of a shard in order; resolves when it is gone. */
  async revoke(id: ShardId): Promise<void> {
    await this.#started;
    await this.#supervisor.remove([id.stage, String(id.partition)]);
    this.#shards.delete(keyOf(id));
    this.#faults.delete(keyOf(id));
    this.#sink.forgetShard(id.stage, id.partition);
    this.#gauges.forget(id);
  }

  #fenced(id: ShardId, error: Fenced): void {
    const { stage } = id;
    this.#sink.add("shard_fenced_total", 1, { stage });
    this.#log.warn("Another owner has the shard", { stage, error: error.message });
    // Among several nodes that is where it belongs; alone, operators should see it.
    if (this.init.lease === undefined) return;
    void this.revoke(id).then(() => this.ports.lost?.(id));
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
    throw new Misdirected(`Shard ${keyOf(id)} does not live in this worker`);
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
      hash: stateHash(parts),
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
