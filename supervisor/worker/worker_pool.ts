/**
 * The shard workers of a node and the directory that says which of them owns a shard.
 *
 * @module
 */
import { Misdirected, Unavailable } from "../../schema/errors.ts";
import type { Topics } from "../../schema/topics.ts";
import { type LogAccess, transferOf } from "../log/log_access.ts";
import type { BoardScores } from "../leaderboards/scored_stage.ts";
import { logLevel } from "../observability/logger.ts";
import type { Metrics } from "../observability/metrics.ts";
import { type ShardPlace, type ShardRouter, shardsOf } from "../cluster/shard_router.ts";
import type { StageName } from "../store/store.ts";
import type { ChildSpec } from "../tree/child.ts";
import type { Rpc } from "./rpc.ts";
import { WatchHub } from "./watch_hub.ts";
import { type FrozenWorkers, workerChild, type WorkerChildOptions } from "./worker_child.ts";
import type { ShardId, WorkerInit, WorkerReport } from "./worker_protocol.ts";

export interface WorkerPoolOptions {
  readonly nodeId: string;
  readonly workers: number;
  readonly topics: Topics;
  readonly stages: readonly StageName[];
  /** The node's life, among several nodes: it then begins with no shard. @default it owns all shards */
  readonly lease?: string | undefined;
  readonly actorBytesMaxPerWorker: number;
  readonly clockOffsetMs: number;
  readonly stageModules: WorkerInit["stageModules"];
  /** For drills. @default "terminate" */
  readonly frozenWorkers?: FrozenWorkers;
  readonly storeUrl: (signal: AbortSignal) => Promise<string>;
  readonly connectLog: () => LogAccess;
  readonly metrics: Metrics;
  /** Takes what games took for their leaderboards. @default nobody is told */
  readonly onScores?: (scores: BoardScores) => void;
  /** Makes a worker. @default workerChild */
  readonly child?: (options: WorkerChildOptions) => ChildSpec;
}

/** A shard's row, with who owns it. */
export type PlacedReport = WorkerReport["shards"][number] & {
  readonly node: string;
  readonly worker: string;
};

/** A shard of this node, and the worker that it is dealt to. */
interface Dealt {
  readonly shard: ShardId;
  readonly worker: number;
  /** Resolves when the worker has let go of it. */
  leaving?: Promise<void>;
}

const keyOf = ({ stage, partition }: ShardId) => `${stage}/${partition}`;

export class WorkerPool implements ShardRouter {
  readonly watches: WatchHub;
  readonly #dealt = new Map<string, Dealt>();
  #isUp = false;
  readonly #rpcs: (Rpc | undefined)[];
  readonly #reports: (WorkerReport | undefined)[];

  constructor(readonly options: WorkerPoolOptions) {
    // A node without stages has nothing to do for them.
    const workers = options.stages.length === 0 ? 0 : options.workers;
    this.#rpcs = new Array(workers).fill(undefined);
    this.#reports = new Array(workers).fill(undefined);
    if (options.lease === undefined) { for (const shard of this.shards()) this.#deal(shard); }
    this.watches = new WatchHub(
      (watch) => this.#rpcs.forEach((rpc) => rpc?.notify("watch", watch)),
      (id) => this.#rpcs.forEach((rpc) => rpc?.notify("unwatch", id)),
    );
  }

  #idOf(worker: number): string {
    return `${this.options.nodeId}/worker-${worker}`;
  }

  /** Every shard of the node's stages, whoever owns it. */
  shards(): ShardId[] {
    return this.options.stages.flatMap((stage) => shardsOf(stage, this.options.topics));
  }

  /** Shards of a stage go to whoever has the fewest of it, so each stage is spread by itself. */
  #deal(shard: ShardId): number {
    const counts = this.#rpcs.map(() => 0);
    for (const { shard: { stage }, worker } of this.#dealt.values()) {
      if (stage === shard.stage) counts[worker]!++;
    }
    const worker = counts.indexOf(Math.min(...counts));
    this.#dealt.set(keyOf(shard), { shard, worker });
    return worker;
  }

  /** Every worker has come up once. */
  get isUp(): boolean {
    return this.#isUp ||= this.#rpcs.every((rpc) => rpc !== undefined);
  }

  /** Whether a worker of this node has the shard, or is to take it. */
  has(shard: ShardId): boolean {
    return this.#dealt.has(keyOf(shard));
  }

  /** The shards of this node; those that it is letting go of are left out. */
  owned(): ShardId[] {
    return [...this.#dealt.values()].filter(({ leaving }) => leaving === undefined)
      .map(({ shard }) => shard);
  }

  /** Has a worker take the shard; nothing if one has it. One that is not running takes it later. */
  assign(shard: ShardId): void {
    if (this.has(shard)) return;
    const worker = this.#deal(shard);
    // Should the worker end, its successor begins with the shard.
    void this.#rpcs[worker]?.call("assign", shard).catch(() => {});
  }

  /** Lets go of the shard in order; resolves when nobody here has it. */
  revoke(shard: ShardId): Promise<void> {
    const dealt = this.#dealt.get(keyOf(shard));
    if (dealt === undefined) return Promise.resolve();
    return dealt.leaving ??= (async () => {
      // What a worker that is gone had is its node's still: the node takes it back.
      await this.#rpcs[dealt.worker]?.call("revoke", shard).catch(() => {});
      this.#forget(dealt);
    })();
  }

  /** Nothing if the shard was dealt anew since. */
  #forget(dealt: Dealt): void {
    const { stage, partition } = dealt.shard;
    if (this.#dealt.get(keyOf(dealt.shard)) !== dealt) return;
    this.#dealt.delete(keyOf(dealt.shard));
    this.options.metrics.forgetShard(stage, partition);
  }

  /** The shard's deal, if it is this worker's. */
  #dealtTo(worker: number, shard: ShardId): Dealt | undefined {
    const dealt = this.#dealt.get(keyOf(shard));
    return dealt?.worker === worker ? dealt : undefined;
  }

  specs(): ChildSpec[] {
    const { topics, metrics, clockOffsetMs, stageModules } = this.options;
    const { frozenWorkers: frozen = "terminate", child = workerChild } = this.options;
    return this.#rpcs.map((_, worker) => {
      let begunWith: readonly ShardId[] = [];
      return child({
        id: `worker-${worker}`,
        frozen,
        init: async (signal) => {
          const storeUrl = await this.options.storeUrl(signal);
          const log = this.options.connectLog();
          begunWith = this.#shardsOf(worker);
          const init: WorkerInit = {
            // Unique to this life: a successor of the same name is another owner.
            owner: `${this.#idOf(worker)}#${crypto.randomUUID().slice(0, 8)}`,
            stages: this.options.stages,
            shards: begunWith,
            lease: this.options.lease,
            rawPartitions: topics["player.events.raw"].partitions,
            storeUrl,
            log,
            actorBytesMax: this.options.actorBytesMaxPerWorker,
            logLevel: logLevel(),
            clockOffsetMs,
            tellsScores: this.options.onScores !== undefined,
            stageModules,
          };
          return { init, transfer: transferOf(log) };
        },
        onRunning: (rpc) => {
          this.#rpcs[worker] = rpc;
          // What came and went while it was starting; it knows all else.
          const call = (name: string, id: ShardId) => void rpc.call(name, id).catch(() => {});
          for (const shard of this.#shardsOf(worker)) call("assign", shard);
          for (const shard of begunWith) {
            if (this.#dealtTo(worker, shard) === undefined) call("revoke", shard);
          }
          for (const watch of this.watches.watches()) rpc.notify("watch", watch);
        },
        onGone: () => {
          this.#rpcs[worker] = undefined;
          this.#reports[worker] = undefined;
          metrics.forget(this.#idOf(worker));
        },
        onFired: (notice) => this.watches.fired(notice),
        onScores: (scores) => this.options.onScores?.(scores),
        onLost: (shard) => {
          const dealt = this.#dealtTo(worker, shard);
          if (dealt !== undefined) this.#forget(dealt);
        },
        tree: () => this.#reports[worker]?.tree,
      });
    });
  }

  #shardsOf(worker: number): ShardId[] {
    return [...this.#dealt.values()]
      .filter((dealt) => dealt.worker === worker && dealt.leaving === undefined)
      .map(({ shard }) => shard);
  }

  /**
   * Calls the worker that owns `shard`.
   *
   * @throws {Unavailable} it is not running
   * @throws {Misdirected} no worker of this node has the shard
   */
  call<T>(shard: ShardId, name: string, input: unknown): Promise<T> {
    const dealt = this.#dealt.get(keyOf(shard));
    if (dealt === undefined) {
      const { nodeId } = this.options;
      return Promise.reject(new Misdirected(`${nodeId} does not own shard ${keyOf(shard)}`));
    }
    const rpc = this.#rpcs[dealt.worker];
    if (rpc !== undefined) return rpc.call<T>(name, input);
    return Promise.reject(
      new Unavailable("shard", `Worker ${this.#idOf(dealt.worker)} is starting`),
    );
  }

  placeOf(shard: ShardId): ShardPlace {
    const dealt = this.#dealt.get(keyOf(shard));
    if (dealt === undefined) return { node: null, worker: null };
    return { node: this.options.nodeId, worker: `worker-${dealt.worker}` };
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
      (report?.shards ?? []).map((shard) => ({
        ...shard,
        node: this.options.nodeId,
        worker: `worker-${worker}`,
      }))
    );
  }

  async freshReports(): Promise<PlacedReport[]> {
    await this.refresh();
    return this.reports();
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
