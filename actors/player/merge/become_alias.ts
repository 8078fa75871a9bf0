/**
 * The side of a merge on which an id turns out to be somebody else: it hands over what it has and passes
 * on what comes, until the merge is undone.
 *
 * @module
 */
import { internalType } from "../../../schema/event.ts";
import { limits } from "../../../schema/limits.ts";
import type { Effect, MessageContext } from "../../kernel/behaviour.ts";
import type { PlayerState } from "../player_state.ts";
import { SessionList } from "../session_list.ts";
import { armSessionTimer, sessionTimer } from "../sessions.ts";
import { armOrderTimer, countDue, hold } from "./line.ts";
import { goOn, noteWish } from "./link.ts";
import { decodeAlias, encodeAlias, newMerge, othersThan } from "./merge_state.ts";
import {
  type EncodedAlias,
  type MergeMessage,
  type RefusalReason,
  type RestoreMessage,
  sendTo,
} from "./messages.ts";
import { nameOf, studioOf } from "./names.ts";
import { pushJoin } from "./union.ts";

/** Somebody asks him to become an alias. */
export function receiveMergeRequest(
  state: PlayerState,
  message: MergeMessage,
  ctx: MessageContext,
): Effect[] | undefined {
  const { into } = message;
  const [self, merge] = [nameOf(ctx), state.merge];
  if (into === self) return undefined;
  if (merge?.into === into) {
    // What he has is on its way there; or back already, and he is to be asked again when it is here.
    if (!merge.noted.includes(into)) merge.noted.push(into);
    return [];
  }
  const effects: Effect[] = [];
  if (merge?.into !== undefined) refuse(ctx, into, "merged_elsewhere", effects);
  else if (merge?.aliases.has(into)) refuse(ctx, into, "cycle", effects);
  else if (!merge?.asks.some(({ step }) => step === "asked")) {
    becomeAlias(state, message, ctx, effects);
    goOn(state, ctx, effects);
  } else if (merge.waiting.some((other) => other.into === into)) return undefined;
  else if (merge.waiting.length + merge.noted.length >= limits.mergesWaitingMax) {
    refuse(ctx, into, "busy", effects);
  } else if (into < self) merge.waiting.push(message);
  else {
    if (!merge.noted.includes(into)) merge.noted.push(into);
    refuse(ctx, into, "busy", effects, true);
  }
  return effects;
}

function refuse(
  ctx: MessageContext,
  into: string,
  reason: RefusalReason,
  effects: Effect[],
  later = false,
): void {
  const message = { alias: nameOf(ctx), reason, ...(later ? { later } : {}) };
  effects.push(sendTo(ctx, into, internalType.refused, message));
}

/** Becomes an alias of who asks, or says why not. Nothing of his own may be under way. */
export function becomeAlias(
  state: PlayerState,
  { into, room }: MergeMessage,
  ctx: MessageContext,
  effects: Effect[],
): void {
  const merge = state.merge ??= newMerge();
  const self = nameOf(ctx);
  // He waited, and has become one meanwhile.
  if (merge.aliases.has(into)) return refuse(ctx, into, "cycle", effects);
  if (1 + merge.aliases.size > room) return refuse(ctx, into, "too_many_aliases", effects);
  const { numbered, next, held } = merge;
  const own = encodeAlias(self, { via: into, nth: merge.nth + 1, part: state, next, held });
  const nested = Array.from(merge.aliases, ([id, alias]) => encodeAlias(id, alias));
  const wants = merge.asks.map(({ alias }) => alias).filter((alias) => alias !== into);
  const absorb = { aliases: [own, ...nested], wants };
  if (isTooLarge(absorb)) return refuse(ctx, into, "too_large", effects);
  pushJoin({ studio: studioOf(ctx), userId: self }, [], othersThan(state, self, ""), -1, effects);
  if (state.timerDueAt !== null) effects.push({ type: "timer", name: sessionTimer, dueAt: null });
  effects.push(sendTo(ctx, into, internalType.absorb, absorb));
  for (const other of merge.waiting) refuse(ctx, other.into, "merged_elsewhere", effects);
  state.games = new Map();
  state.sessions = new SessionList();
  state.timerDueAt = null;
  const { noted, waitsUntil } = merge;
  state.merge = { ...newMerge(), nth: merge.nth + 1, into, noted, numbered, waitsUntil };
  armOrderTimer(state, ctx, effects);
}

/** More than a record of the log should hold. */
export function isTooLarge(message: { readonly aliases: readonly EncodedAlias[] }): boolean {
  return JSON.stringify(message).length > limits.mergeCharsMax;
}

/** He is a player of his own again, with all that has come under his id, and the aliases he had brought. */
export function receiveRestore(
  state: PlayerState,
  { aliases, wants = [], refused }: RestoreMessage,
  ctx: MessageContext,
): Effect[] | undefined {
  const { merge } = state;
  const [own, ...nested] = aliases;
  // What an operator has sent a second time.
  if (merge?.into === undefined || own!.nth !== merge.nth) return undefined;
  const effects: Effect[] = [];
  const [self, studio] = [nameOf(ctx), studioOf(ctx)];
  const { part, next, held } = decodeAlias(own!);
  state.games = part.games;
  state.sessions = part.sessions;
  const { nth, noted, numbered } = merge;
  state.merge = { ...newMerge(), nth, noted, numbered, next, held };
  for (const event of merge.held) hold(state.merge, event);
  for (const alias of nested) state.merge.aliases.set(alias.id, decodeAlias(alias));
  pushJoin({ studio, userId: self }, [], othersThan(state, self, ""), 1, effects);
  if (refused !== undefined) {
    const { by, reason } = refused;
    effects.push(sendTo(ctx, by, internalType.refused, { alias: self, reason }));
  }
  countDue(state, self, state.merge, ctx, effects);
  armOrderTimer(state, ctx, effects);
  armSessionTimer(state, effects);
  for (const want of wants) noteWish(state, want, ctx, effects);
  goOn(state, ctx, effects);
  return effects;
}
