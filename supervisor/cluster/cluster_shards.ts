/**
 * The directory: finds the owner of a shard and calls it, here or on another node. While a shard moves
 * a call waits, up to a limit.
 *
 * @module
 */
import { Misdirected, Unavailable } from "../../schema/errors.ts";
import { limits } from "../../schema/limits.ts";
import type { MetricsSink } from "../observability/metrics_sink.ts";
import type { Clock } from "../shard/clock.ts";
import type { PlacedReport } from "../worker/worker_pool.ts";
import type { ShardId } from "../worker/worker_protocol.ts";
import type { ClusterNode } from "./membership/membership.ts";
import type { PeerLink } from "./peers/peer_link.ts";
import type { ShardPlace, ShardRouter } from "./shard_router.ts";

export interface ClusterShardsOptions {
  /** The shards of this node: its worker pool. */
  readonly own: ShardRouter & { has(shard: ShardId): boolean };
  /** Every shard of every stage. */
  readonly allShards: readonly ShardId[];
  readonly member: {
    readonly hasLease: boolean;
    ownerOf(shard: ShardId): ClusterNode | undefined;
    /** Has the view made anew. */
    look(): void;
  };
  readonly peers: {
    link(life: string): Pick<PeerLink, "call"> | undefined;
    all(): readonly PeerLink[];
  };
  readonly clock: Clock;
  /** Milliseconds that only grow, whatever is done to the clock. @default performance.now */
  readonly monotonic?: () => number;
  readonly metrics: MetricsSink;
}

/** Calls that change nothing, so that they may be made again. */
const reads = ["ask", "inspect", "diff", "replay"];
/** Between two attempts to reach a shard that moves. */
const retryMs = 50;

export class ClusterShards implements ShardRouter {
  readonly #monotonic: () => number;

  constructor(readonly options: ClusterShardsOptions) {
    this.#monotonic = options.monotonic ?? (() => performance.now());
  }

  /**
   * @throws {Unavailable} nobody has served the shard for `limits.moveWaitMsMax`; this node's lease has
   *   run out; the owner does not answer
   */
  async call<T>(shard: ShardId, name: string, input: unknown): Promise<T> {
    const { clock, member, metrics } = this.options;
    const until = this.#monotonic() + limits.moveWaitMsMax;
    for (;;) {
      try {
        return await this.#callOwner<T>(shard, name, input);
      } catch (error) {
        const isElsewhere = error instanceof Misdirected;
        if (isElsewhere) metrics.add("cluster_misdirected_total", 1);
        // Between its release and its next owner, or just being taken.
        const isMoving = error instanceof Unavailable && error.resource === "shard";
        if (!isElsewhere && !(isMoving && reads.includes(name))) throw error;
        if (this.#monotonic() >= until) throw this.#isMoving(shard, error);
        member.look();
        await clock.sleep(retryMs);
      }
    }
  }

  #isMoving({ stage, partition }: ShardId, cause: Error): Unavailable {
    const message = `Shard ${stage}/${partition} is on its way to another node: ${cause.message}`;
    return new Unavailable("shard", message, { cause });
  }

  #callOwner<T>(shard: ShardId, name: string, input: unknown): Promise<T> {
    const { own, member } = this.options;
    if (own.has(shard)) {
      if (member.hasLease) return own.call<T>(shard, name, input);
      throw new Unavailable("cluster", "The lease of this node has run out: the store is away");
    }
    const owner = member.ownerOf(shard);
    const link = owner === undefined ? undefined : this.options.peers.link(owner.life);
    if (link === undefined) throw new Misdirected("no node that is alive has it");
    return this.#callPeer<T>(link, "call", { shard, name, input }, name);
  }

  async #callPeer<T>(
    link: Pick<PeerLink, "call">,
    kind: "call" | "all" | "report",
    input: unknown,
    name: string,
  ): Promise<T> {
    const timeoutMs = name === "ask" || name === "inspect"
      ? limits.askTimeoutMs
      : limits.clusterCallMsMax;
    const startedAt = performance.now();
    const done = (result: string) =>
      this.options.metrics.observe("cluster_call_seconds", (performance.now() - startedAt) / 1000, {
        result,
      });
    try {
      const answer = await link.call<T>(kind, input, timeoutMs);
      done("answered");
      return answer;
    } catch (error) {
      done(error instanceof Misdirected ? "misdirected" : "failed");
      throw error;
    }
  }

  async callAll<T>(name: string, input: unknown): Promise<T[]> {
    const { own, peers } = this.options;
    const others = peers.all().map((link) =>
      this.#callPeer<T[]>(link, "all", { name, input }, name)
    );
    return (await Promise.all([own.callAll<T>(name, input), ...others])).flat();
  }

  placeOf(shard: ShardId): ShardPlace {
    const { own, member } = this.options;
    if (own.has(shard)) return own.placeOf(shard);
    return { node: member.ownerOf(shard)?.nodeId ?? null, worker: null };
  }

  /** Nodes that do not answer are left out. */
  async freshReports(): Promise<PlacedReport[]> {
    const { own, peers } = this.options;
    const others = peers.all().map((link) =>
      this.#callPeer<PlacedReport[]>(link, "report", undefined, "ask").catch(() => [])
    );
    return (await Promise.all([own.freshReports(), ...others])).flat();
  }

  shards(): ShardId[] {
    return [...this.options.allShards];
  }
}
