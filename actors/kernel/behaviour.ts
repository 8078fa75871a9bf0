/**
 * What an actor is: a pure behaviour over a state. It does no I/O, has no clock and no randomness of
 * its own; what it wants done it returns as effects, and the shard does it with the commit.
 *
 * @module
 */
import type { JsonObject } from "../../schema/event.ts";

/** What a behaviour knows besides its state and the message. All of it comes from the log. */
export interface MessageContext {
  /** The actor's own id, `studio/name`. */
  readonly actorId: string;
  /** The append time of the message's record, milliseconds since the Unix epoch. Never the clock. */
  readonly now: number;
  readonly partition: number;
  readonly offset: number;
}

/** Adds to a metric of a game; folded per batch, so a hot game costs no more than a cold one. */
export interface DeltaEffect {
  readonly type: "delta";
  /** `studio/game_id`. */
  readonly game: string;
  readonly metric: string;
  readonly by: number;
  /** The event day (days since the Unix epoch); without it the metric is a lifetime total. */
  readonly day?: number;
  /** Last day of a range that starts at `day`, inclusive. @default day */
  readonly through?: number;
}

/** A player's best on a leaderboard of a game. */
export interface ScoreEffect {
  readonly type: "score";
  /** `studio/game_id`. */
  readonly game: string;
  readonly board: string;
  readonly userId: string;
  readonly score: number;
}

/** Takes a player's entry off a leaderboard; a `score` that follows may put a lower one there. */
export interface UnscoreEffect {
  readonly type: "unscore";
  /** `studio/game_id`. */
  readonly game: string;
  readonly board: string;
  readonly userId: string;
}

/** Arms the actor's durable timer `name`, or cancels it. It comes back as a `$timer` event. */
export interface TimerEffect {
  readonly type: "timer";
  readonly name: string;
  /** Milliseconds since the Unix epoch on the log's clock; `null` cancels. */
  readonly dueAt: number | null;
}

/**
 * Watches another actor, or no longer. When that one stands still (see `onPoison`), or does so already,
 * a `$down` event comes back, and the watch is over. For journal-durable actors.
 */
export interface WatchEffect {
  readonly type: "watch" | "unwatch";
  /** The stage of the watched actor: `player`, `game`. */
  readonly kind: string;
  /** Its id, `studio/name`. */
  readonly actorId: string;
}

/**
 * Writes to a player, itself included: an internal event, through the outbox and the log. It comes once,
 * and after what this shard has sent there before.
 */
export interface SendEffect {
  readonly type: "send";
  /** `studio/user_id`. */
  readonly to: string;
  /** One of `internalType`. */
  readonly eventType: string;
  readonly properties: JsonObject;
}

/** Says in the store, with the commit, who a user id is: a row of `player_alias`. */
export interface AliasEffect {
  readonly type: "alias";
  readonly studio: string;
  readonly aliasId: string;
  /** Who it is in the end, never an alias himself; `null`: it is a player of its own again. */
  readonly userId: string | null;
}

/** What a client has asked for was refused: it is counted, and told in `dlq.events`. */
export interface RefusalEffect {
  readonly type: "refusal";
  /** `merge_` and the reason. */
  readonly code: string;
  readonly message: string;
  readonly payload: JsonObject;
}

export type Effect =
  | DeltaEffect
  | ScoreEffect
  | UnscoreEffect
  | TimerEffect
  | WatchEffect
  | SendEffect
  | AliasEffect
  | RefusalEffect;

/** One part of a snapshot; `""` is the main part. `body` is JSON text. */
export interface Part {
  readonly part: string;
  readonly body: string;
}

/** Lifts parts that one version wrote to what the next would have written. Pure. */
export type Upcast = (parts: readonly Part[]) => readonly Part[];

/** What a query may know: the time it is asked at, and the version of the state it reads. */
export interface AskContext {
  readonly actorId: string;
  /** Milliseconds since the Unix epoch. */
  readonly now: number;
  /** `partition:offset` of the last message that changed the state. */
  readonly version: string;
}

/**
 * A behaviour. `State` may be changed in place: after a throw the shard rebuilds the actor from its
 * snapshot, its journal and the messages not yet committed.
 */
export interface Behaviour<State, Message, Query = unknown, Answer = unknown> {
  readonly kind: string;
  /** Raised whenever the same messages would lead to another state. */
  readonly version: number;
  /**
   * `journal`: messages are kept, snapshots are lazy. `snapshot`: changed parts are written with
   * every commit and messages are not kept.
   */
  readonly durability: "journal" | "snapshot";
  /**
   * How snapshots of earlier versions are read: by version, the function that lifts its parts to the
   * next one. Without it an actor with a journal is rebuilt, and one without is halted.
   */
  readonly upcast?: Readonly<Record<number, Upcast>>;
  /**
   * What a message does on which `receive` throws twice. `skip`: it alone is parked, and the actor
   * goes on without it. `halt`: so are all that follow it, until an operator restarts the actor.
   *
   * @default "skip"
   */
  readonly onPoison?: "skip" | "halt";

  create(actorId: string): State;

  /** Applies a message. `undefined`: it changed nothing (a duplicate, a stale timer). */
  receive(state: State, message: Message, ctx: MessageContext): Effect[] | undefined;

  /** Answers a query without changing the state. */
  ask(state: State, query: Query, ctx: AskContext): Answer;

  /** The parts to write now: for `journal` the whole state, for `snapshot` the parts changed since the last call. */
  snapshot(state: State): Part[];

  /** The whole state as parts, changed or not; changes nothing. */
  describe(state: State): Part[];

  /**
   * The inverse of the parts written so far, whole.
   *
   * @throws whatever says that the parts are no whole state of this version
   */
  restore(actorId: string, parts: readonly Part[]): State;

  /** About how many bytes of memory the state takes. */
  bytes(state: State): number;
}
