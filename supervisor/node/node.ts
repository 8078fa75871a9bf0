/**
 * A node: all parts of the platform under one supervisor. The listeners are handed in by `main.ts`,
 * which alone knows the gateway.
 *
 * @module
 */
import type { Config } from "../../schema/config.ts";
import { limits } from "../../schema/limits.ts";
import { topicNames, type Topics, topicTable } from "../../schema/topics.ts";
import { type Terminal, Unavailable } from "../../schema/errors.ts";
import { Cluster, lifeOf } from "../cluster/cluster.ts";
import { PostgresMembership } from "../cluster/membership/postgres_membership.ts";
import { allShards, type ShardRouter } from "../cluster/shard_router.ts";
import { LocalPlatform } from "../local_platform.ts";
import { logger } from "../observability/logger.ts";
import { createMetrics, type Metrics } from "../observability/metrics.ts";
import { withDeepLeaderboards } from "../leaderboards/deep_platform.ts";
import type { PartHealth, Platform } from "../platform.ts";
import { NodeResources } from "../resources/node_resources.ts";
import { type Clock, systemClock } from "../shard/clock.ts";
import type { DataDirLock } from "../store/data_dir_lock.ts";
import type { StageName } from "../store/store.ts";
import type { ChildSpec } from "../tree/child.ts";
import { Supervisor } from "../tree/supervisor.ts";
import type { FrozenWorkers } from "../worker/worker_child.ts";
import { WorkerPool } from "../worker/worker_pool.ts";
import type { WorkerInit } from "../worker/worker_protocol.ts";
import { type LogPart, logPart } from "./log_part.ts";
import { JournalRetention } from "../store/journal/journal_retention.ts";
import { loopChild } from "./loop_child.ts";
import { StorePart } from "./store_part.ts";
import { Rollups } from "../store/sql/rollups.ts";

export interface NodeOptions {
  readonly config: Config;
  readonly lock: DataDirLock;
  /** Added to the machine's clock, for drills. @default 0 */
  readonly clockOffsetMs?: number;
  /** Modules that stand in for stages, for drills. @default none */
  readonly stageModules?: WorkerInit["stageModules"];
  /** What becomes of frozen workers, for drills. @default "terminate" */
  readonly frozenWorkers?: FrozenWorkers;
}

const refreshMs = 500;
const retentionMs = 60_000;
const journalRetentionMs = 3_600_000;
const scoresMs = 200;

export class Node {
  readonly clock: Clock;
  readonly topics: Topics;
  readonly metrics: Metrics;
  readonly log: LogPart;
  readonly store: StorePart;
  readonly workers: WorkerPool;
  /** With a log that nodes share. */
  readonly cluster: Cluster | undefined;
  /** All shards, whichever node owns them. */
  readonly shards: ShardRouter;
  /** Cache, vectors, objects: what the node can do without. */
  readonly resources: NodeResources;
  readonly platform: Platform;
  readonly #supervisor: Supervisor;

  /** @param listeners children that start after everything they serve, and stop first */
  constructor(readonly options: NodeOptions, listeners: (node: Node) => readonly ChildSpec[]) {
    const { config, lock, clockOffsetMs = 0, stageModules = {} } = options;
    const { frozenWorkers = "terminate" } = options;
    const log = logger("node", { node: config.nodeId });
    this.clock = systemClock(clockOffsetMs);
    this.topics = topicTable(config.partitions);
    this.metrics = createMetrics();
    const { dataDir } = lock;
    const { clock, metrics: { sink } } = this;
    this.resources = new NodeResources({ config: { ...config, dataDir }, clock, sink });
    const { scores } = this.resources;
    this.store = this.#makeStore();
    this.log = logPart({
      logUrl: config.logUrl,
      dataDir,
      nodeId: config.nodeId,
      topics: this.topics,
      clock: this.clock,
      clockOffsetMs,
      onRestart: () => this.workers.reconnectLog(),
    });
    const life = lifeOf(config.nodeId);
    // Who shares the log with others may have to share the shards with them.
    const isShared = config.logUrl !== "sqlite:";
    this.workers = new WorkerPool({
      nodeId: config.nodeId,
      lease: isShared ? life : undefined,
      workers: config.workers,
      topics: this.topics,
      stages: (["player", "game"] as const satisfies StageName[]).filter((s) =>
        config.roles.has(s)
      ),
      actorBytesMaxPerWorker: limits.actorBytesMaxPerWorker,
      clockOffsetMs,
      stageModules,
      frozenWorkers,
      storeUrl: (signal) => this.store.url(signal),
      connectLog: () => this.log.connect(),
      metrics: this.metrics,
      ...(scores === undefined ? {} : { onScores: (some) => scores.add(some) }),
    });
    if (isShared) this.cluster = this.#makeCluster(life);
    this.shards = this.cluster?.shards ?? this.workers;
    this.platform = this.#makePlatform();
    this.#supervisor = Supervisor.root({
      id: "platform",
      strategy: "one_for_one",
      children: this.#children(listeners(this)),
      env: {
        clock: systemClock(),
        random: Math.random,
        log,
        onRestart: (path) => this.metrics.sink.add("restarts_total", 1, { child: path }),
      },
    });
  }

  /** Everything that lives in the node, in the order of its start. */
  #children(listeners: readonly ChildSpec[]): ChildSpec[] {
    return [
      this.store.spec(),
      this.log.spec(),
      ...this.resources.specs(),
      ...this.cluster?.specs() ?? [],
      Supervisor.spec({
        id: "workers",
        strategy: "one_for_one",
        children: this.workers.specs(),
      }),
      ...this.cluster === undefined ? [] : [this.cluster.handOverSpec()],
      Supervisor.spec({ id: "jobs", strategy: "one_for_one", children: this.#jobs() }),
      Supervisor.spec({
        id: "listeners",
        strategy: "one_for_one",
        children: listeners,
      }),
    ];
  }

  #makeStore(): StorePart {
    const { config, lock } = this.options;
    return new StorePart({
      storeUrl: config.storeUrl,
      readUrl: config.storeReadUrl,
      logId: () => this.log.identity(),
      mayMigrate: config.migrate,
      lock,
      topics: this.topics,
      clock: this.clock,
      sink: this.metrics.sink,
    });
  }

  #makePlatform(): Platform {
    const platform = new LocalPlatform({
      log: () => this.log.log,
      topics: this.topics,
      shards: this.shards,
      watches: this.cluster?.watches ?? this.workers.watches,
      clock: this.clock,
      events: (...query) => {
        const reader = this.store.reader;
        if (reader === undefined) throw new Unavailable("store", "The store is starting");
        return reader.events(...query);
      },
      health: () => this.health(),
    });
    const boards = this.resources.boards();
    return boards === undefined ? platform : withDeepLeaderboards(platform, boards);
  }

  #makeCluster(life: string): Cluster {
    const { config } = this.options;
    return new Cluster({
      nodeId: config.nodeId,
      life,
      roles: [...config.roles],
      workers: config.workers,
      url: config.advertisedUrl,
      token: config.clusterToken,
      port: config.clusterPort,
      tls: config.clusterTls,
      shards: this.workers,
      allShards: allShards(this.topics),
      membership: async (signal) => new PostgresMembership(await this.store.url(signal)),
      clock: this.clock,
      metrics: this.metrics.sink,
      log: logger("cluster", { node: config.nodeId }),
    });
  }

  /** Keeps the rollups up; the store and its URL may come later, and go. */
  #rollups(): ChildSpec {
    let rollups: Rollups | undefined;
    return loopChild("rollups", limits.rollupEveryMs, this.clock, async (stop) => {
      rollups ??= new Rollups({ url: await this.store.url(stop), sink: this.metrics.sink });
      await rollups.advance(stop);
    }, async () => {
      await rollups?.close();
      rollups = undefined;
    });
  }

  #jobs(): ChildSpec[] {
    const { scores } = this.resources;
    return [
      ...(this.options.config.roles.has("jobs") ? [this.#rollups()] : []),
      loopChild("reports", refreshMs, this.clock, () => this.workers.refresh()),
      // Topics that no stage of ours reads are held by their retention alone.
      loopChild("retention", retentionMs, this.clock, async () => {
        // Who has no jobs need not have the right to delete.
        if (!this.log.health().ready || !this.options.config.roles.has("jobs")) return;
        try {
          for (const topic of topicNames) {
            if (topic === "player.events.raw" || topic === "game.deltas") continue;
            const ranges = await this.log.log.ends(topic);
            await Promise.all(ranges.map(({ end }, p) => this.log.log.trim(topic, p, end)));
          }
        } catch (error) {
          // The next round makes up for it.
          if (!(error instanceof Unavailable)) throw error;
        }
      }),
      ...(scores === undefined
        ? []
        : [loopChild("scores", scoresMs, this.clock, () => scores.flush(), () => scores.flush())]),
      ...(this.options.config.roles.has("jobs") ? [this.#journalRetention()] : []),
    ];
  }

  #journalRetention(): ChildSpec {
    const { options: { config }, clock, store, metrics } = this;
    const retention = new JournalRetention({
      url: (stop) => store.url(stop),
      days: config.journalDays,
      now: () => clock.now(),
      log: logger("journal"),
      sink: metrics.sink,
    });
    const round = async (stop: AbortSignal) => void await retention.round(stop);
    return loopChild("journal", journalRetentionMs, clock, round, () => retention.close());
  }

  health(): PartHealth[] {
    const faults = this.workers.faults();
    const shards: PartHealth = faults.length === 0
      ? { part: "shards", ready: true }
      : { part: "shards", ready: false, reason: faults.slice(0, 5).join("; ") };
    const cluster = this.cluster === undefined ? [] : [this.cluster.health()];
    // Who owns no shards answers from those of others.
    const own = this.workers.options.stages.length === 0 ? [] : [shards];
    return [this.log.health(), this.store.health(), ...cluster, ...own, ...this.resources.health()];
  }

  /** Resolves when the node can never serve as it is configured. */
  get refused(): Promise<Terminal> {
    const refusals = [this.log.refused, this.store.refused];
    if (this.cluster !== undefined) refusals.push(this.cluster.refused);
    return Promise.race(refusals);
  }

  start(): Promise<void> {
    return this.#supervisor.start();
  }

  stop(): Promise<void> {
    return this.#supervisor.stop();
  }

  /** Resolves when the node has ended, asked to or beyond mending. */
  get exited() {
    return this.#supervisor.exited;
  }

  tree() {
    return this.#supervisor.tree();
  }
}
