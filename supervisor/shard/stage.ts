/**
 * A stage: a topic, a pure behaviour, and how the records of the one become messages of the other.
 *
 * @module
 */
import type { Behaviour, Effect } from "../../actors/kernel/behaviour.ts";
import type { TopicName } from "../../schema/topics.ts";
import type { LogRecord } from "../log/log.ts";
import type { SourcePosition, StageName, StoredEvent } from "../store/store.ts";

/** A message and the actor it is for. */
export interface Addressed<M> {
  readonly actorId: string;
  readonly message: M;
}

/** What a record holds. */
export interface Decoded<M> {
  /** At most one for an actor. */
  readonly messages: readonly Addressed<M>[];
  /** Set for records of another shard: applied only when newer than the last of that source. */
  readonly source?: { readonly name: string; readonly position: SourcePosition };
}

// The state, message and query of a behaviour stay with it; the shard only passes them on.
// deno-lint-ignore no-explicit-any
export type AnyBehaviour = Behaviour<any, any, any, any>;

export interface Stage {
  readonly name: StageName;
  readonly topic: TopicName;
  readonly behaviour: AnyBehaviour;
  /** The least time between two commits, milliseconds. */
  readonly commitDelayMs: number;
  /**
   * The key of a record is the one actor that it has messages for; {@link decode} throws where it is not.
   * So whom a fetch is for is known before anything is decoded, which then lives for as long as it is
   * applied and not for as long as the fetch waits for its turn. @default false
   */
  readonly isKeyed?: boolean;
  /** Snapshots are used unchecked: a promise broken, for drills to notice. @default false */
  readonly trustsSnapshots?: boolean;

  /**
   * The effects of a message that its actor cannot take, as it stands still (`halted`) or throws at it:
   * what must not wait for an operator goes back to its sender. `undefined`: the message is parked.
   * @default always that
   */
  giveBack?(message: unknown, reason: "halted" | "failed"): Effect[] | undefined;

  /** @throws {SyntaxError} the record is not what this stage reads */
  decode(record: LogRecord): Decoded<unknown>;

  /** The message a journal row was. */
  replay(event: StoredEvent): unknown;
}
