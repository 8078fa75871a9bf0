/**
 * Who belongs to the cluster, and who holds which shard: what a node tells of itself with each sign of
 * life, and what it learns from it.
 *
 * @module
 */
import type { Role } from "../../../schema/config.ts";
import type { StageName } from "../../store/store.ts";

/** A node whose lease runs. */
export interface ClusterNode {
  /** Its name, the same over its lives. */
  readonly nodeId: string;
  /** Unique to one life of it. */
  readonly life: string;
  /** Where other nodes reach it; `null` when it has not told. */
  readonly url: string | null;
  readonly roles: readonly Role[];
  /** Threads that own shards: its weight when shards are dealt out. 0 while they come up. */
  readonly workers: number;
  /** It hands its shards over and takes none. */
  readonly isLeaving: boolean;
  /** `stage/partition` of shards that it waits for: whoever holds one may let go of it. */
  readonly wants: readonly string[];
}

/** A shard that was taken at least once. */
export interface HeldShard {
  readonly stage: StageName;
  readonly partition: number;
  readonly epoch: number;
  /** The first offset that no commit holds. */
  readonly nextOffset: number;
  /** The life that holds it; `null` when it was let go, or that life's lease has run out. */
  readonly life: string | null;
}

/** The cluster as of one moment, the same for whoever looks then. */
export interface ClusterView {
  /** By name. */
  readonly nodes: readonly ClusterNode[];
  readonly shards: readonly HeldShard[];
}

/** What a node tells of itself. */
export interface Beat extends ClusterNode {
  /** When this life began, milliseconds: of two lives at one URL the later one wins. */
  readonly startedMs: number;
  /** How long its lease runs from now on. */
  readonly leaseMs: number;
}

/** Signs of life. The shared store is the only witness that all nodes believe. */
export interface Membership {
  /**
   * Renews the lease of a life and returns the cluster as of then; `undefined` when another life has
   * the node's name: a later one at the same URL, or one elsewhere whose lease still runs.
   *
   * @throws {Unavailable} nobody knows whether the lease was renewed
   */
  beat(beat: Beat): Promise<ClusterView | undefined>;

  /** Ends the lease of a life, so that nobody waits for it to run out. */
  leave(life: string): Promise<void>;

  close(): Promise<void>;
}

export const shardKey = (stage: string, partition: number): string => `${stage}/${partition}`;
