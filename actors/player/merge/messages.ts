/**
 * What players say to each other when two user ids turn out to be one player. `B` is who they are, `A`
 * an id that he had before; all ids are user ids of one studio.
 *
 * ```
 * B ── $merge ──▶ A                      A's event, later:
 * B ◀─ $absorb ── A   (or $refused)      A ── $forward ──▶ B
 *                                        an operator: $unmerge ──▶ B ── $restore ──▶ A
 * ```
 *
 * @module
 */
import type { JsonObject, PlayerEvent } from "../../../schema/event.ts";
import type { MessageContext, SendEffect } from "../../kernel/behaviour.ts";
import type { EncodedPart } from "../player_part.ts";
import { studioOf } from "./names.ts";

/**
 * Why a merge was refused; the label `reason` of `gamemetrics_merges_refused_total`, and with `merge_` in
 * front the code in `dlq.events`.
 *
 * | reason | |
 * |---|---|
 * | `merged_elsewhere` | it is an alias of somebody else |
 * | `cycle` | the one who asks is an alias of the one asked |
 * | `too_many_aliases` | there would be more than 16 |
 * | `too_large` | what it has does not fit a record of the log |
 * | `busy` | too many merges wait for it |
 * | `halted` | it stands still until an operator restarts it |
 * | `failed` | the code throws at it |
 */
export type RefusalReason =
  | "merged_elsewhere"
  | "cycle"
  | "too_many_aliases"
  | "too_large"
  | "busy"
  | "halted"
  | "failed";

/** `$merge`, B to A: become an alias of mine. */
export interface MergeMessage {
  readonly into: string;
  /** How many aliases B has room for, A included. */
  readonly room: number;
}

/** `$refused`, A to B. */
export interface RefusedMessage {
  readonly alias: string;
  readonly reason: RefusalReason;
  /** Not for good: a `$free` follows. */
  readonly later?: boolean;
}

/** `$free`, A to B, whom it has refused for a while: ask again. */
export interface FreeMessage {
  readonly alias: string;
}

/** An alias that somebody holds: what its events have made, and how it got there. */
export interface EncodedAlias {
  readonly id: string;
  /** Whom it sends its events to: the holder, or another of his aliases. */
  readonly via: string;
  /** Which of its merges this is, counted by the alias. */
  readonly nth: number;
  readonly part: EncodedPart;
  /** The number of its event that counts next. */
  readonly next: number;
  /** Events that came before that one, by number. @default none */
  readonly held?: readonly NumberedEvent[];
}

/** `$absorb`, A to B: A itself first, then the aliases that it brings. */
export interface AbsorbMessage {
  readonly aliases: readonly EncodedAlias[];
  /** Ids that A was still to ask. */
  readonly wants: readonly string[];
}

/** An event with its place among those that its alias has numbered. */
export interface NumberedEvent {
  /** Counted over all merges of the alias, from 0. */
  readonly seq: number;
  /** When it came to the alias, milliseconds. */
  readonly at: number;
  /** Without `studio` and `user_id`, which are the alias'. */
  readonly event: Omit<PlayerEvent, "studio" | "user_id">;
}

/** `$forward`. */
export interface ForwardMessage extends NumberedEvent {
  /** Whom the event came to. */
  readonly alias: string;
  /** The merge of the alias by which it was sent. */
  readonly nth: number;
  /** Aliases that have passed it on, the first one first. */
  readonly path: readonly string[];
}

/** `$unmerge`, an operator to B; who has no such alias asks it whose it is. */
export interface UnmergeMessage {
  readonly alias: string;
  /** The merge of the alias, from when it was asked. */
  readonly nth?: number;
  /** Aliases that have passed it on since, the first one first. @default none */
  readonly path?: readonly string[];
}

/** `$restore`, B to A, or the shard to A in place of a B that cannot take what it sent. */
export interface RestoreMessage {
  readonly aliases: readonly EncodedAlias[];
  /** Ids that A was still to ask when B could not take it. @default none */
  readonly wants?: readonly string[];
  /** B stands still or throws, and is to be told when he can hear again. @default it was undone */
  readonly refused?: { readonly by: string; readonly reason: RefusalReason };
}

/** Writes to another user id of the studio. */
export function sendTo(
  { actorId }: Pick<MessageContext, "actorId">,
  userId: string,
  eventType: string,
  message:
    | MergeMessage
    | RefusedMessage
    | FreeMessage
    | AbsorbMessage
    | ForwardMessage
    | RestoreMessage
    | UnmergeMessage,
): SendEffect {
  const to = `${studioOf({ actorId })}/${userId}`;
  // Interfaces have no index, though JSON is all that they hold.
  return { type: "send", to, eventType, properties: message as unknown as JsonObject };
}
