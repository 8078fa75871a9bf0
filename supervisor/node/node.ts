/**
 * A node: all parts of the platform under one supervisor. The listeners are handed in by `main.ts`,
 * which alone knows the gateway.
 *
 * @module
 */
import type { Config } from "../../schema/config.ts";
import { limits } from "../../schema/limits.ts";
import { topicNames, type Topics, topicTable } from "../../schema/topics.ts";
import { Unavailable } from "../../schema/errors.ts";
import { LocalPlatform } from "../local_platform.ts";
import { logger } from "../observability/logger.ts";
import { createMetrics, type Metrics } from "../observability/metrics.ts";
import type { PartHealth } from "../platform.ts";
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

export class Node {
  readonly clock: Clock;
  readonly topics: Topics;
  readonly metrics: Metrics;
  readonly log: LogPart;
  readonly store: StorePart;
  readonly workers: WorkerPool;
  readonly platform: LocalPlatform;
  readonly #supervisor: Supervisor;

  /** @param listeners children that start after everything they serve, and stop first */
  constructor(readonly options: NodeOptions, listeners: (node: Node) => readonly ChildSpec[]) {
    const { config, lock, clockOffsetMs = 0, stageModules = {} } = options;
    const { frozenWorkers = "terminate" } = options;
    const log = logger("node", { node: config.nodeId });
    this.clock = systemClock(clockOffsetMs);
    this.topics = topicTable(config.partitions);
    this.metrics = createMetrics();
    const { dataDir, storeUrl } = { ...config, dataDir: lock.dataDir };
    this.store = new StorePart({
      storeUrl,
      lock,
      topics: this.topics,
      clock: this.clock,
      mayMigrate: config.migrate,
    });
    this.log = logPart({
      logUrl: config.logUrl,
      dataDir,
      nodeId: config.nodeId,
      topics: this.topics,
      clock: this.clock,
      clockOffsetMs,
      onRestart: () => this.workers.reconnectLog(),
    });
    this.workers = new WorkerPool({
      nodeId: config.nodeId,
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
    });
    this.platform = this.#makePlatform();
    this.#supervisor = Supervisor.root({
      id: "platform",
      strategy: "one_for_one",
      children: [
        this.store.spec(),
        this.log.spec(),
        Supervisor.spec({
          id: "workers",
          strategy: "one_for_one",
          children: this.workers.specs(),
        }),
        Supervisor.spec({ id: "jobs", strategy: "one_for_one", children: this.#jobs() }),
        Supervisor.spec({
          id: "listeners",
          strategy: "one_for_one",
          children: listeners(this),
        }),
      ],
      env: {
        clock: systemClock(),
        random: Math.random,
        log,
        onRestart: (path) => this.metrics.sink.add("restarts_total", 1, { child: path }),
      },
    });
  }

  #makePlatform(): LocalPlatform {
    return new LocalPlatform({
      log: () => this.log.log,
      topics: this.topics,
      shards: this.workers,
      watches: this.workers.watches,
      clock: this.clock,
      events: (...query) => {
        const reader = this.store.reader;
        if (reader === undefined) throw new Unavailable("store", "The store is starting");
        return reader.events(...query);
      },
      health: () => this.health(),
    });
  }

  #jobs(): ChildSpec[] {
    return [
      loopChild("reports", refreshMs, this.clock, () => this.workers.refresh()),
      // Topics that no stage of ours reads are held by their retention alone.
      loopChild("retention", retentionMs, this.clock, async () => {
        if (!this.log.health().ready) return;
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
    return [this.log.health(), this.store.health(), shards];
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
