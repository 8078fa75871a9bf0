/**
 * What the admin API needs of a node, and the shapes it answers in. Names are those of the wire.
 *
 * @module
 */
import type { DeadLetter, Json, JsonObject, PlayerEvent } from "../../schema/event.ts";
import type { ActorKind, PartHealth } from "../platform.ts";
import type { TreeNode } from "../tree/child.ts";

/** A shard, wherever it runs. */
export interface ShardRow {
  readonly stage: string;
  readonly partition: number;
  readonly node: string;
  /** `null` while nobody owns it. */
  readonly worker: string | null;
  readonly epoch: number;
  /** The first offset that no commit holds. */
  readonly next_offset: number;
  /** The end of its partition in the log. */
  readonly end_offset: number;
  readonly lag: number;
  readonly actors: number;
  /** Messages taken in and not yet committed. */
  readonly mailbox: number;
  readonly state: string;
  readonly snapshot_age_ms: number;
}

/** An actor as operators see it. */
export interface ActorView {
  readonly kind: ActorKind;
  readonly id: string;
  /** `partition:offset` of the last message that changed it. */
  readonly version: string;
  /** Hash of the whole state, hex digits. */
  readonly hash: string;
  readonly bytes: number;
  /** Held in memory now; else rebuilt for this answer. */
  readonly live: boolean;
  readonly state: Json;
  /** What it has cost since it was loaded; `null` when nobody counts. */
  readonly cost: JsonObject | null;
  readonly recent_effects: readonly Json[];
}

/** A dead letter in a list. */
export interface DeadLetterRow {
  /** `partition:offset` in `dlq.events`. */
  readonly id: string;
  /** When it was parked, RFC 3339. */
  readonly parked_at: string;
  readonly studio: string;
  readonly source: string;
  readonly code: string;
  readonly message: string;
  readonly path: string | null;
  readonly actor_id: string | null;
  readonly event_type: string | null;
  /** It holds its event: `replay` needs no edited one. */
  readonly replayable: boolean;
}

/** Newest first. `next_cursor` asks for the older ones; `null` when there are none. */
export interface DeadLetterPage {
  readonly items: readonly DeadLetterRow[];
  readonly next_cursor: string | null;
}

/** A dead letter in full. */
export interface DeadLetterView extends DeadLetterRow {
  readonly payload: string;
  readonly event: PlayerEvent | null;
  readonly actor: NonNullable<DeadLetter["actor"]> | null;
}

/** Where a replayed event went. */
export interface Replay {
  readonly id: string;
  readonly event_id: string;
  readonly topic: string;
  readonly partition: number;
}

export interface AdminPlatform {
  tree(): TreeNode;
  shards(): Promise<readonly ShardRow[]>;
  /**
   * `null` when the platform has never seen it.
   *
   * @param id `studio/user_id` or `studio/game_id`
   * @param asOf arrival time, milliseconds since the Unix epoch. @default now
   */
  actor(kind: ActorKind, id: string, asOf?: number): Promise<ActorView | null>;
  /** @throws {InvalidInput} the cursor is none of ours */
  dlqList(cursor: string | undefined, limit: number): Promise<DeadLetterPage>;
  /** `null` when there is no such letter (any more). */
  dlqGet(id: string): Promise<DeadLetterView | null>;
  /**
   * Sends a letter's event through the pipeline again.
   *
   * @param edited goes in the event's stead; as a client would send it
   * @throws {InvalidInput} it holds no event, or the edited one is wrong
   */
  dlqReplay(id: string, edited?: unknown): Promise<Replay | null>;
  /** Begins to drain the node; returns at once. */
  drain(): void;
  ready(): readonly PartHealth[];
  /** Prometheus text. */
  metrics(): Promise<string>;
}
