/**
 * A node as a member of the cluster: it gives signs of life, sees from their answers who else is there,
 * and takes and lets go of shards until it has those that it should. Nobody is in charge; each node
 * works from the same view by the same rules, and whatever two of them disagree on for a moment, the
 * leases let only one of them take a shard and its epoch lets only one of them write.
 *
 * @module
 */
import type { Role } from "../../schema/config.ts";
import { Terminal, Unavailable } from "../../schema/errors.ts";
import { limits } from "../../schema/limits.ts";
import type { Logger } from "../observability/logger.ts";
import type { MetricsSink } from "../observability/metrics_sink.ts";
import type { PartHealth } from "../platform.ts";
import type { Clock } from "../shard/clock.ts";
import { Gate } from "../shard/gate.ts";
import type { ShardId } from "../worker/worker_protocol.ts";
import { desiredShards } from "./membership/assignment.ts";
import {
  type ClusterNode,
  type ClusterView,
  type HeldShard,
  type Membership,
  shardKey,
} from "./membership/membership.ts";

/** The shards that run on this node: its worker pool. */
export interface OwnShards {
  /** Its workers have come up: a shard that it takes is served at once. */
  readonly isUp: boolean;
  has(shard: ShardId): boolean;
  /** Those it is not letting go of. */
  owned(): readonly ShardId[];
  assign(shard: ShardId): void;
  revoke(shard: ShardId): Promise<void>;
}

export interface MemberOptions {
  readonly nodeId: string;
  /** Unique to this life. */
  readonly life: string;
  /** `null`: this node is to be the only one. */
  readonly url: string | null;
  readonly roles: readonly Role[];
  readonly workers: number;
  /** Every shard of the node's stages. */
  readonly shards: readonly ShardId[];
  readonly own: OwnShards;
  /** Waits until the store can be asked. */
  readonly membership: (signal: AbortSignal) => Promise<Membership>;
  readonly clock: Clock;
  /** Milliseconds that only grow, whatever is done to the clock. @default performance.now */
  readonly monotonic?: () => number;
  readonly metrics: MetricsSink;
  readonly log: Logger;
  /** Told of each new view. */
  readonly onView?: (view: ClusterView) => void;
  /** Asks the other nodes to look again, as something has changed. */
  readonly nudge?: () => void;
}

/**
 * Who was away from the store was not alone, perhaps: it gives the others time to say that they are back,
 * before it takes their shards.
 */
const graceMs = limits.nodeBeatMs + limits.nodeBeatTimeoutMs;

/** Between two beats at least, however often it is asked to look. */
const pauseMsMin = 20;

export class Member {
  #view: ClusterView = { nodes: [], shards: [] };
  #held: ReadonlyMap<string, HeldShard> = new Map();
  #leaseUntil = -Infinity;
  #fault: string | undefined = "no sign of life has reached the store yet";
  #refusedSince: number | undefined;
  #hadLease = false;
  #takesFrom = -Infinity;
  #isLeaving = false;
  #wants: readonly string[] = [];
  /** The last view does not show all shards that it has. */
  #isTaking = false;
  #isUpTold = false;
  /** Somebody has asked for a look since the last one began. */
  #isAsked = false;
  /** What the others were last made to look at. */
  #told = "";
  readonly #startedMs: number;
  readonly #monotonic: () => number;
  readonly #look = new Gate();

  constructor(readonly options: MemberOptions) {
    this.#startedMs = options.clock.now();
    this.#monotonic = options.monotonic ?? (() => performance.now());
  }

  get view(): ClusterView {
    return this.#view;
  }

  /** Whether nobody can have taken this node's shards, whatever the store says by now. */
  get hasLease(): boolean {
    return this.#monotonic() < this.#leaseUntil;
  }

  /** The node that holds a shard, as of the last view. */
  ownerOf(shard: ShardId): ClusterNode | undefined {
    const held = this.#held.get(shardKey(shard.stage, shard.partition));
    return this.#view.nodes.find(({ life }) => life === held?.life);
  }

  /** Looks again, as soon as may be. */
  look(): void {
    this.#isAsked = true;
    this.#look.open();
  }

  health(): PartHealth {
    if (this.hasLease) return { part: "cluster", ready: true };
    return { part: "cluster", ready: false, reason: this.#fault ?? "its lease has run out" };
  }

  /**
   * Gives signs of life until `signal` aborts, then ends the lease.
   *
   * @throws {Terminal} `node_superseded`, `node_id_taken`, `cluster_not_configured`
   */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, life } = this.options;
    const membership = await this.options.membership(signal);
    try {
      while (!signal.aborted) {
        this.#isAsked = false;
        await this.#beat(membership);
        await clock.sleep(pauseMsMin, signal);
        if (!this.#isAsked) await this.#pause(signal);
      }
    } finally {
      await membership.leave(life).catch(() => {});
      await membership.close();
    }
  }

  async #pause(signal: AbortSignal): Promise<void> {
    const early = new AbortController();
    const either = AbortSignal.any([signal, early.signal]);
    const isEager = this.#wants.length > 0 || this.#isTaking || this.#isLeaving ||
      !this.#isUpTold;
    const delayMs = isEager ? limits.nodeBeatEagerMs : limits.nodeBeatMs;
    await Promise.race([this.options.clock.sleep(delayMs, either), this.#look.wait(either)]);
    early.abort();
  }

  /**
   * Hands all shards over to nodes that can have them. What nobody takes in time is left to be released
   * as the workers stop.
   */
  async handOver(): Promise<void> {
    const { clock, own } = this.options;
    this.#isLeaving = true;
    const end = this.#monotonic() + limits.leaveMsMax;
    while (this.hasLease && this.#hasHeirs && this.#monotonic() < end) {
      const shards = this.options.shards.filter((shard) => own.has(shard));
      if (shards.length === 0) return;
      this.look();
      await clock.sleep(limits.nodeBeatEagerMs);
    }
  }

  get #hasHeirs(): boolean {
    const stages = new Set(this.options.own.owned().map(({ stage }) => stage));
    return this.#view.nodes.some(({ life, roles, isLeaving }) =>
      life !== this.options.life && !isLeaving &&
      (stages.size === 0 || roles.some((role) => stages.has(role as ShardId["stage"])))
    );
  }

  async #beat(membership: Membership): Promise<void> {
    const { nodeId, life, url, roles, own, metrics } = this.options;
    // Nobody should let go of a shard for a node that cannot serve it yet.
    const workers = own.isUp ? this.options.workers : 0;
    this.#isUpTold = own.isUp;
    const wants = this.#wants;
    const isLeaving = this.#isLeaving;
    // As of before it was sent: the store's time of receipt can only be later.
    const sentAt = this.#monotonic();
    const leaseMs = limits.nodeLeaseMs;
    const node = { nodeId, life, url, roles, workers, isLeaving, wants };
    const absent = this.options.shards.filter((shard) => !own.has(shard));
    let view: ClusterView | undefined;
    try {
      view = await membership.beat({ ...node, startedMs: this.#startedMs, leaseMs });
    } catch (error) {
      if (!(error instanceof Unavailable)) throw error;
      metrics.add("cluster_beats_total", 1, { result: "unavailable" });
      this.#fault = error.message;
      return;
    }
    if (view === undefined) return this.#refused(this.#monotonic());
    metrics.add("cluster_beats_total", 1, { result: "renewed" });
    metrics.set("cluster_nodes", view.nodes.length);
    if (this.#hadLease && !this.hasLease) this.#takesFrom = this.#monotonic() + graceMs;
    this.#leaseUntil = sentAt + leaseMs;
    this.#fault = undefined;
    this.#hadLease = true;
    this.#see(view, absent);
  }

  /** Another life has the name: the one before this one for a moment, or one that nobody meant. */
  #refused(now: number): void {
    const { nodeId, metrics } = this.options;
    metrics.add("cluster_beats_total", 1, { result: "refused" });
    this.#leaseUntil = -Infinity;
    this.#refusedSince ??= now;
    this.#fault = `another node is alive under the name ${nodeId}`;
    if (this.#hadLease) {
      const message = `Cannot go on as another node has taken the name ${nodeId}: ` +
        `give each node a NODE_ID of its own`;
      throw new Terminal("node_superseded", message);
    }
    if (now - this.#refusedSince < 2 * limits.nodeLeaseMs) return;
    const message = `Cannot join as another node is alive under the name ${nodeId} at another ` +
      `ADVERTISED_URL: give each node a NODE_ID of its own`;
    throw new Terminal("node_id_taken", message);
  }

  /** @param absent shards that it did not have when it asked for the view */
  #see(view: ClusterView, absent: readonly ShardId[]): void {
    const { life, url, own, onView, nudge } = this.options;
    const others = view.nodes.filter((node) => node.life !== life);
    if (url === null && others.length > 0) {
      const names = others.map(({ nodeId }) => nodeId).join(", ");
      const message = `Cannot start beside ${names} on the same log and store: ` +
        `several nodes need ADVERTISED_URL and CLUSTER_TOKEN, each of them`;
      throw new Terminal("cluster_not_configured", message);
    }
    this.#view = view;
    this.#held = new Map(view.shards.map((held) => [shardKey(held.stage, held.partition), held]));
    onView?.(view);
    const mine = view.shards.filter((held) => held.life === life)
      .map(({ stage, partition }) => shardKey(stage, partition));
    // What was told is for the others to act upon, and where shards are now for them to know.
    const told = `${this.#wants} ${this.#isLeaving} ${mine}`;
    if (told !== this.#told) nudge?.();
    this.#told = told;
    this.#letGo(others);
    const before = this.#wants.join();
    this.#wants = this.#take(absent);
    this.#isTaking = own.owned().length > mine.length;
    if (this.#wants.join() !== before) this.look();
  }

  /** Lets go of what another node has, or waits for and should have. */
  #letGo(others: readonly ClusterNode[]): void {
    const { life, own, metrics, log, shards, nudge } = this.options;
    const desired = new Set(this.#desired().map((s) => shardKey(s.stage, s.partition)));
    const wanted = new Set(others.flatMap((node) => node.wants));
    for (const shard of shards.filter((shard) => own.has(shard))) {
      const { stage, partition } = shard;
      const key = shardKey(stage, partition);
      const holder = this.#held.get(key)?.life ?? null;
      const isLost = holder !== null && holder !== life;
      if (!isLost && (desired.has(key) || !wanted.has(key))) continue;
      if (!this.#isOwned(shard)) continue;
      metrics.add("cluster_moves_total", 1, { stage, how: isLost ? "lost" : "released" });
      log.info(isLost ? "Another node has the shard" : "Letting go of a shard", {
        stage,
        partition,
      });
      void own.revoke(shard).then(() => {
        this.look();
        nudge?.();
      });
    }
  }

  /** Not already being let go of. */
  #isOwned({ stage, partition }: ShardId): boolean {
    return this.options.own.owned().some((s) => s.stage === stage && s.partition === partition);
  }

  #desired(): ShardId[] {
    if (this.#isLeaving) return [];
    return desiredShards(this.options.life, this.options.shards, this.#view);
  }

  /**
   * Shards of its own that none of its workers has: one ended, or its last commit failed, before it was
   * let go. While the lease runs nobody else can take them.
   */
  #orphans(absent: readonly ShardId[]): readonly ShardId[] {
    const { life } = this.options;
    if (this.#isLeaving) return [];
    return absent.filter((s) => this.#held.get(shardKey(s.stage, s.partition))?.life === life);
  }

  /**
   * Takes what it should have and nobody holds, and its orphans, to let go of them in order.
   *
   * @returns what it has to wait for
   */
  #take(absent: readonly ShardId[]): string[] {
    const { life, own, metrics, log } = this.options;
    const wants: string[] = [];
    if (this.#monotonic() < this.#takesFrom) return wants;
    for (const shard of [...this.#desired(), ...this.#orphans(absent)]) {
      if (own.has(shard)) continue;
      const { stage, partition } = shard;
      const key = shardKey(stage, partition);
      const holder = this.#held.get(key)?.life ?? null;
      if (holder !== null && holder !== life) {
        wants.push(key);
        continue;
      }
      metrics.add("cluster_moves_total", 1, { stage, how: "taken" });
      log.info("Taking a shard", { stage, partition });
      own.assign(shard);
    }
    return wants;
  }
}
