/**
 * What the admin API needs of a node, and the shapes it answers in. Names are those of the wire.
 *
 * @module
 */
import type { DeadLetter, Json, PlayerEvent } from "../../schema/event.ts";
import type { LogLevel } from "../../schema/config.ts";
import type { ActorKind, PartHealth } from "../platform.ts";
import type { Point } from "../replay/point.ts";
import type { RecentEffects } from "../replay/recent_effects.ts";
import type { StageName } from "../store/store.ts";
import type { TreeNode } from "../tree/child.ts";

/** A shard, wherever it runs. */
export interface ShardRow {
  readonly stage: string;
  readonly partition: number;
  /** `null` while nobody owns it. */
  readonly node: string | null;
  /** `null` on a node that does not answer. */
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

/** What an actor has cost since `since`, five to ten minutes ago; estimates that err upwards. */
export interface CostView {
  readonly since: string;
  readonly events: number;
  readonly cpu_us: number;
  /** Text of its events, UTF-16 units. */
  readonly event_bytes: number;
  readonly effects: number;
}

/** What actors can be ordered by. */
export const actorSorts = ["cpu", "mailbox", "bytes", "events"] as const;
export type ActorSort = typeof actorSorts[number];

/** An actor in a list. */
export interface ActorRow {
  readonly kind: ActorKind;
  readonly id: string;
  readonly partition: number;
  readonly node: string | null;
  /** `null` on another node. */
  readonly worker: string | null;
  /** About how much memory it takes; 0 when it is not held in memory now. */
  readonly bytes: number;
  /** Messages taken in and not yet committed. */
  readonly mailbox: number;
  readonly cost: CostView;
  /** It takes much of its shard's events or processor time. */
  readonly hot: boolean;
  /** Its part of what all actors of its kind have cost by the measure asked for, 0 to 1. */
  readonly share: number;
}

/** An actor that stands still: its events are set aside until it is restarted. */
export interface HaltedRow {
  readonly kind: ActorKind;
  readonly id: string;
  readonly partition: number;
  readonly node: string | null;
  /** `null` on another node. */
  readonly worker: string | null;
  readonly reason: string;
  /** RFC 3339. */
  readonly since: string;
  /** `partition:offset` of the message that halted it; `null`: it could not be loaded. */
  readonly position: string | null;
  /** Its messages that were set aside since. */
  readonly dead_letters: number;
}

/** What can be done to a shard. */
export const shardActions = ["pause", "resume", "restart"] as const;
export type ShardAction = typeof shardActions[number];

/** What can be done to an actor. */
export const actorActions = ["restart", "passivate"] as const;
export type ActorAction = typeof actorActions[number];

/** What was done by a call. */
export interface Done {
  /** RFC 3339. */
  readonly at: string;
  /** The call as the audit trail names it. */
  readonly call: string;
}

/** What has become of a dead letter. */
export interface LetterMark {
  readonly discarded: Done | null;
  /** The last replay, and how many there were. */
  readonly replayed: Done & { readonly times: number } | null;
}

/** Which user ids are one player. Both are left out for a player of one id, and for a game. */
export interface Identity {
  /** It is an alias of this user id, which may be an alias, too. */
  readonly merged_into?: string;
  /** User ids that are this player, too, sorted. */
  readonly aliases?: readonly string[];
}

/** An actor as operators see it. */
export interface ActorView extends Identity {
  readonly kind: ActorKind;
  readonly id: string;
  /** `partition:offset` of the last message that changed it. */
  readonly version: string;
  /** Hash of the whole state, as GraphQL's `stateHash`; 16 hex digits. */
  readonly hash: string;
  readonly bytes: number;
  /** Held in memory now; else rebuilt for this answer. */
  readonly live: boolean;
  readonly state: Json;
  /** What it has cost of late; `null` when nobody counts. */
  readonly cost: CostView | null;
  /** Of its last messages that had any, the newest first; empty for a game, which keeps no messages. */
  readonly recent_effects: readonly RecentEffects[];
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
  readonly replayed: LetterMark["replayed"];
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
  readonly discarded: LetterMark["discarded"];
}

/** Which letters; a letter must agree with each field that is given. */
export interface LetterFilter {
  readonly code?: string;
  readonly source?: string;
  readonly studio?: string;
  readonly actor_id?: string;
}

/** What a replay of many letters may do in one call. */
export interface ReplayManyOptions {
  /** `next_cursor` of the call before. @default begins at the oldest letter */
  readonly cursor: string | undefined;
  /** Letters to send at most. */
  readonly limit: number;
  /** Send those that were replayed before, too. */
  readonly again: boolean;
}

export interface ReplayMany {
  readonly sent: number;
  /** Letters that agree with the filter and were not sent, by why. */
  readonly skipped: { readonly not_replayable: number; readonly replayed_before: number };
  /** Goes on with the letters that were there when the first call began; `null` when all were seen. */
  readonly next_cursor: string | null;
}

/** A call of the admin API. */
export interface AuditRow {
  /** When it was answered, RFC 3339. */
  readonly at: string;
  /** Names the call; the answer's header `x-call-id`. */
  readonly call: string;
  readonly method: string;
  /** Path and query, values with secret names masked. */
  readonly target: string;
  readonly status: number;
  readonly duration_ms: number;
  /** Address of who called; `null` when it is not known. */
  readonly remote: string | null;
}

/** Newest first. */
export interface AuditPage {
  readonly items: readonly AuditRow[];
  readonly next_cursor: string | null;
}

/** Where a replayed event went. */
export interface Replay {
  readonly id: string;
  readonly event_id: string;
  readonly topic: string;
  readonly partition: number;
}

/** Where a player was asked to give an alias back. */
export interface Unmerge {
  /** The alias, `studio/user_id`. */
  readonly id: string;
  /** Whose it is. */
  readonly player: string;
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
   * @param asOf up to and including it. @default now
   */
  actor(kind: ActorKind, id: string, asOf?: Point): Promise<ActorView | null>;
  /** The costliest or largest actors of a kind over all shards, by `sort`, the first first. */
  actors(kind: ActorKind, sort: ActorSort, limit: number): Promise<readonly ActorRow[]>;
  /** Actors of every kind that stand still until they are restarted. */
  halted(): Promise<readonly HaltedRow[]>;
  /**
   * `restart`: drops its state and rebuilds it from the store. `passivate`: writes its snapshot and
   * drops it from memory. False when it is not in memory, so that there was nothing to do.
   */
  actActor(kind: ActorKind, id: string, action: ActorAction): Promise<boolean>;
  /**
   * Asks the player whose alias `id` is, by the log, to give it back; `null` when nobody has seen it.
   *
   * @param call names who did it
   * @throws {InvalidInput} `not_merged`
   * @throws {Unavailable} a link of it is being made or taken back
   */
  unmerge(id: string, call: string): Promise<Unmerge | null>;
  /**
   * Resolves once it is done; `null` when there is no such shard.
   *
   * @throws {Unavailable} its worker is not running
   */
  actShard(stage: StageName, partition: number, action: ShardAction): Promise<ShardRow | null>;
  /** @throws {InvalidInput} the cursor is none of ours */
  dlqList(cursor: string | undefined, limit: number): Promise<DeadLetterPage>;
  /** `null` when there is no such letter (any more). */
  dlqGet(id: string): Promise<DeadLetterView | null>;
  /**
   * Sends a letter's event through the pipeline again.
   *
   * @param call names who did it
   * @param edited goes in the event's stead; as a client would send it
   * @throws {InvalidInput} it holds no event, was discarded, or the edited one is wrong
   */
  dlqReplay(id: string, call: string, edited?: unknown): Promise<Replay | null>;
  /** Sends many letters' events again, those of one actor in their order. */
  dlqReplayMany(
    filter: LetterFilter,
    options: ReplayManyOptions,
    call: string,
  ): Promise<ReplayMany>;
  /** Takes a letter off the list for good; `null` when there is none. */
  dlqDiscard(id: string, call: string): Promise<DeadLetterView | null>;
  /** The audit trail. @throws {InvalidInput} the cursor is none of ours */
  audit(cursor: string | undefined, limit: number): Promise<AuditPage>;
  logLevel(): LogLevel;
  /** Sets the level of the process and its workers, until it is started again. */
  setLogLevel(level: LogLevel): void;
  /** Begins to drain the node; returns at once. */
  drain(): void;
  ready(): readonly PartHealth[];
  /** Prometheus text. */
  metrics(): Promise<string>;
}
