/**
 * What the main thread and a shard worker say to each other.
 *
 * @module
 */
import type { LogLevel } from "../../schema/config.ts";
import type { JsonObject } from "../../schema/event.ts";
import type { LogAccess } from "../log/log_access.ts";
import type { EventFilter, RecordedEvent } from "../platform.ts";
import type { AsOf, HaltMark, StageName } from "../store/store.ts";
import type { MetricsSnapshot } from "../observability/metrics_sink.ts";
import type { RecentEffects } from "../replay/recent_effects.ts";
import type { ShardReport } from "../shard/shard_types.ts";
import type { ActorCost } from "../observability/cost_ledger.ts";
import type { LiveActor } from "../shard/restore/live_actors.ts";
import type { TreeNode } from "../tree/child.ts";

/** A shard's name. */
export interface ShardId {
  readonly stage: StageName;
  readonly partition: number;
}

/** Everything a worker needs to serve its shards; plain data, but for the log's connection. */
export interface WorkerInit {
  /** `node/worker`, for operators. */
  readonly owner: string;
  /** Stages it may get shards of. */
  readonly stages: readonly StageName[];
  /** What it begins with. */
  readonly shards: readonly ShardId[];
  /** The life of its node, among several nodes. @default takes shards from anybody */
  readonly lease?: string | undefined;
  /** The partition count of `player.events.raw`. */
  readonly rawPartitions: number;
  readonly storeUrl: string;
  /** Its port, if it has one, is transferred. */
  readonly log: LogAccess;
  /** Live actors of this worker take at most about this much memory. */
  readonly actorBytesMax: number;
  readonly logLevel: LogLevel;
  /** Added to the machine's clock. */
  readonly clockOffsetMs: number;
  /** Whether it sends notices `scores` of what games take for their leaderboards. @default false */
  readonly tellsScores?: boolean;
  /** URLs of modules whose export `stage` stands in for a stage, for drills. */
  readonly stageModules: Partial<Record<StageName, string>>;
}

export interface AskInput extends ShardId {
  readonly actorId: string;
  readonly query: unknown;
  readonly now: number;
  readonly asOf: AsOf | undefined;
}

/** Asks a worker for the first actors of a stage by a measure. */
export interface ActorsInput {
  readonly stage: StageName;
  readonly sort: "cpu" | "mailbox" | "bytes" | "events";
  readonly limit: number;
}

export interface ListedActor extends LiveActor {
  readonly cost: ActorCost;
  /** It takes much of its shard. */
  readonly hot: boolean;
}

export interface ActorsReport {
  /** What all actors of the stage in this worker come to by the measure. */
  readonly total: number;
  readonly items: readonly ListedActor[];
}

/** An actor that stands still until it is restarted. */
export type HaltedReport = ShardId & HaltMark;

/** Asks for something to be done to an actor. */
export interface ActInput extends ShardId {
  readonly actorId: string;
  readonly action: "restart" | "passivate";
}

/** The answer to `inspect`: an actor as operators see it. */
export interface ActorInspection {
  readonly id: string;
  readonly version: string;
  readonly hash: string;
  readonly bytes: number;
  readonly live: boolean;
  readonly cost: ActorCost;
  /** `n parked`: it threw on so many messages and goes on without them; left out: on none. */
  readonly degraded?: string;
  /** Of its last messages, the newest first. */
  readonly recent_effects: readonly RecentEffects[];
  /** Snapshot parts, parsed. */
  readonly state: JsonObject;
}

/** A watch as a worker matches it. */
export type WorkerWatch =
  | {
    readonly id: number;
    readonly type: "actor";
    readonly stage: StageName;
    readonly actorId: string;
  }
  | {
    readonly id: number;
    readonly type: "events";
    readonly studio: string;
    readonly filter: EventFilter;
  };

/** A notice `fired`: what watch `id` saw in a commit; `null` for actors. */
export interface Fired {
  readonly id: number;
  readonly events: readonly RecordedEvent[] | null;
  /** Text of each of the events, UTF-16 units. @default of no weight */
  readonly chars?: readonly number[];
  /** `traceparent` of the commit, when it is traced. */
  readonly trace?: string;
}

export interface WorkerReport {
  readonly shards: readonly ShardReport[];
  readonly metrics: MetricsSnapshot;
  readonly tree: TreeNode;
  /** Why shards are not served, by shard; empty when all is well. */
  readonly faults: readonly string[];
}
