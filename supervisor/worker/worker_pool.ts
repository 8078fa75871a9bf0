/**
 * The shard workers of a node and the directory that says which of them owns a shard.
 *
 * @module
 */
import { Unavailable } from "../../schema/errors.ts";
import type { Topics } from "../../schema/topics.ts";
import { type LogAccess, transferOf } from "../log/log_access.ts";
import { logLevel } from "../observability/logger.ts";
import type { Metrics } from "../observability/metrics.ts";
import type { StageName } from "../store/store.ts";
import type { ChildSpec } from "../tree/child.ts";
import type { Rpc } from "./rpc.ts";
import { WatchHub } from "./watch_hub.ts";
import { type FrozenWorkers, workerChild } from "./worker_child.ts";
import type { ShardId, WorkerInit, WorkerReport } from "./worker_protocol.ts";

export interface WorkerPoolOptions {
  readonly nodeId: string;
  readonly workers: number;
  readonly topics: Topics;
  readonly stages: readonly StageName[];
  readonly actorBytesMaxPerWorker: number;
  readonly clockOffsetMs: number;
  readonly stageModules: WorkerInit["stageModules"];
  /** For drills. @default "terminate" */
  readonly frozenWorkers?: FrozenWorkers;
  readonly storeUrl: (signal: AbortSignal) => Promise<string>;
  readonly connectLog: () => LogAccess;
  readonly metrics: Metrics;
}

/** A shard's row, with the worker that owns it. */
export type PlacedReport = WorkerReport["shards"][number] & { readonly worker: string };

export class WorkerPool {
  readonly watches: WatchHub;
  readonly #rpcs: (Rpc | undefined)[];
  readonly #reports: (WorkerReport | undefined)[];

  constructor(readonly options: WorkerPoolOptions) {
    this.#rpcs = new Array(options.workers).fill(undefined);
    this.#reports = new Array(options.workers).fill(undefined);
    this.watches = new WatchHub(
      (watch) => this.#rpcs.forEach((rpc) => rpc?.notify("watch", watch)),
      (id) => this.#rpcs.forEach((rpc) => rpc?.notify("unwatch", id)),
    );
  }

  #idOf(worker: number): string {
    return `${this.options.nodeId}/worker-${worker}`;
  }

  /** Every shard of the node's stages. */
  shards(): ShardId[] {
    return this.options.stages.flatMap((stage) => {
      const topic = stage === "player" ? "player.events.raw" : "game.deltas";
      const { partitions } = this.options.topics[topic];
      return Array.from({ length: partitions }, (_, partition) => ({ stage, partition }));
    });
  }

  /** Shards are dealt out in turn, each stage by itself. */
  #workerOf(shard: ShardId): number {
    return shard.partition % this.options.workers;
  }

  specs(): ChildSpec[] {
    const { topics, metrics, clockOffsetMs, stageModules } = this.options;
    const { frozenWorkers: frozen = "terminate" } = this.options;
    return this.#rpcs.map((_, worker) =>
      workerChild({
        id: `worker-${worker}`,
        frozen,
        init: async (signal) => {
          const storeUrl = await this.options.storeUrl(signal);
          const log = this.options.connectLog();
          const init: WorkerInit = {
            // Unique to this life: a successor of the same name is another owner.
            owner: `${this.#idOf(worker)}#${crypto.randomUUID().slice(0, 8)}`,
            shards: this.shards().filter((shard) => this.#workerOf(shard) === worker),
            rawPartitions: topics["player.events.raw"].partitions,
            storeUrl,
            log,
            actorBytesMax: this.options.actorBytesMaxPerWorker,
            logLevel: logLevel(),
            clockOffsetMs,
            stageModules,
          };
          return { init, transfer: transferOf(log) };
        },
        onRunning: (rpc) => {
          this.#rpcs[worker] = rpc;
          for (const watch of this.watches.watches()) rpc.notify("watch", watch);
        },
        onGone: () => {
          this.#rpcs[worker] = undefined;
          this.#reports[worker] = undefined;
          metrics.forget(this.#idOf(worker));
        },
        onFired: (notice) => this.watches.fired(notice),
        tree: () => this.#reports[worker]?.tree,
      })
    );
  }

  /** Calls the worker that owns `shard`. @throws {Unavailable} it is not running */
  call<T>(shard: ShardId, name: string, input: unknown): Promise<T> {
    const worker = this.#workerOf(shard);
    const rpc = this.#rpcs[worker];
    if (rpc !== undefined) return rpc.call<T>(name, input);
    return Promise.reject(new Unavailable("shard", `Worker ${this.#idOf(worker)} is starting`));
  }

  /** The name of the worker that a shard is dealt to. */
  workerOf(shard: ShardId): string {
    return `worker-${this.#workerOf(shard)}`;
  }

  /** Tells every worker that runs. */
  notifyAll(name: string, input: unknown): void {
    for (const rpc of this.#rpcs) rpc?.notify(name, input);
  }

  /** Calls every worker that runs. */
  callAll<T>(name: string, input: unknown): Promise<T[]> {
    return Promise.all(
      this.#rpcs.flatMap((rpc) => rpc === undefined ? [] : [rpc.call<T>(name, input)]),
    );
  }

  /** Gives every worker a connection to a log writer that was started again. */
  reconnectLog(): void {
    for (const rpc of this.#rpcs) {
      if (rpc === undefined) continue;
      const access = this.options.connectLog();
      void rpc.call("reconnectLog", access, transferOf(access)).catch(() => {});
    }
  }

  /** Asks all workers how they are, and counts their metrics. */
  async refresh(): Promise<void> {
    await Promise.all(this.#rpcs.map(async (rpc, worker) => {
      if (rpc === undefined) return;
      try {
        const report = await rpc.call<WorkerReport>("report", undefined);
        this.options.metrics.merge(this.#idOf(worker), report.metrics);
        this.#reports[worker] = report;
      } catch {
        this.#reports[worker] = undefined;
      }
    }));
  }

  /** The shards of the last refresh. */
  reports(): PlacedReport[] {
    return this.#reports.flatMap((report, worker) =>
      (report?.shards ?? []).map((shard) => ({ ...shard, worker: `worker-${worker}` }))
    );
  }

  /** Why shards are not served; empty when all are. */
  faults(): string[] {
    return this.#reports.flatMap((report, worker) => {
      if (report === undefined) return [`${this.#idOf(worker)} has not reported`];
      const idle = report.shards.filter((shard) => shard.epoch === 0)
        .map((shard) => `${shard.stage}/${shard.partition} is ${shard.state}`);
      return [...report.faults, ...idle];
    });
  }
}
