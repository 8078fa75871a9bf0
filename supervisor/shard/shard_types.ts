/**
 * What a shard is made of and what it tells.
 *
 * @module
 */
import type { Part } from "../../actors/kernel/behaviour.ts";
import type { Topics } from "../../schema/topics.ts";
import type { Log } from "../log/log.ts";
import type { LoopShare } from "../thread/loop_share.ts";
import type { CommitBatch, ShardHash, Store } from "../store/store.ts";
import type { Cell } from "./cell.ts";
import type { Clock } from "./clock.ts";
import type { DistrustReason } from "./restore/restore_actor.ts";
import type { Stage } from "./stage.ts";

export interface ShardOptions {
  readonly stage: Stage;
  readonly partition: number;
  /** Who owns the shard: node and worker, for operators. */
  readonly owner: string;
  /** The life of the owner's node, among several nodes. @default takes the shard from anybody */
  readonly lease?: string | undefined;
  readonly log: Log;
  readonly store: Store;
  readonly clock: Clock;
  /** Shared with the other shards of the thread. @default its own */
  readonly loop?: LoopShare;
  readonly topics: Topics;
  /** Live actors take at most about this much memory. */
  readonly actorBytesMax: number;
  readonly events?: ShardEvents;
}

/** What happens in a shard, for metrics, logs and subscriptions. All optional, none may throw. */
export interface ShardEvents {
  /** A batch is in the store. */
  committed?(batch: CommitBatch, touched: readonly string[], durationMs: number): void;
  /** The shard was taken; so many milliseconds after its last owner let go of it, if it did in order. */
  taken?(gapMs: number | undefined): void;
  /** The shard's hash was held against its rows. */
  verified?(hash: ShardHash): void;
  /** A resource is away; the shard waits. */
  waiting?(error: Error): void;
  /** A commit's outcome was unknown: the shard is taken again. */
  retaken?(error: Error): void;
  /** An event was dead-lettered. */
  parked?(actorId: string, error: Error): void;
  /** A snapshot was no good; its actor was rebuilt from the journal. */
  rebuilt?(actorId: string, reason: DistrustReason): void;
  /** An actor was halted; its messages are parked until it is restarted. */
  halted?(actorId: string, reason: string): void;
}

/** An actor as it is: its cell and every part of its state. */
export interface Inspection {
  readonly cell: Cell;
  readonly live: boolean;
  readonly parts: readonly Part[];
  /** `n parked`: it threw on so many messages and goes on without them; `undefined`: on none. */
  readonly degraded: string | undefined;
}

/** `waiting`: a call to log or store failed and is being tried again. */
export type ShardState = "starting" | "running" | "waiting" | "paused" | "stopped";

/** What a shard knows of itself beyond one ownership. */
export type ShardTotals = Pick<
  ShardReport,
  | ("state" | "applied" | "ignored" | "parked" | "commits" | "commitMs" | "retakes")
  | ("loaded" | "passivated" | "halted")
>;

/** A shard's row in `/admin/shards`. */
export interface ShardReport {
  readonly stage: string;
  readonly partition: number;
  readonly epoch: number;
  /** The first offset not committed yet, and the first not applied yet. */
  readonly nextOffset: number;
  readonly appliedOffset: number;
  readonly actors: number;
  readonly actorBytes: number;
  /** Messages applied and not yet committed. */
  readonly mailbox: number;
  /** Commits whose records wait to be published. */
  readonly emitting: number;
  readonly state: ShardState;
  /** Counters since the shard object was made. */
  readonly applied: number;
  readonly ignored: number;
  readonly parked: number;
  readonly commits: number;
  readonly commitMs: number;
  readonly retakes: number;
  readonly loaded: number;
  readonly passivated: number;
  /** Actors that stand still until they are restarted. */
  readonly halted: number;
  /** Age of the oldest arrival that no snapshot reflects, milliseconds. */
  readonly snapshotAgeMs: number;
}
