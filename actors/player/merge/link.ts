/**
 * The side of a merge on which somebody says who he was before: he asks one id after the other to become
 * his alias, and takes over what it has.
 *
 * Nobody becomes an alias while an ask of his own is under way. Who is asked meanwhile lets the other wait
 * if that one's id is smaller, and sends him away until he is free if it is larger. So who waits always
 * waits for a larger id, nobody waits for himself in the end, and whoever becomes an alias does so for
 * somebody who is none: there are no cycles.
 *
 * @module
 */
import { internalType, type PlayerEvent } from "../../../schema/event.ts";
import { limits } from "../../../schema/limits.ts";
import type { Effect, MessageContext } from "../../kernel/behaviour.ts";
import type { PlayerState } from "../player_state.ts";
import { armSessionTimer } from "../sessions.ts";
import { becomeAlias } from "./become_alias.ts";
import { armOrderTimer } from "./line.ts";
import { decodeAlias, isTrivial, newMerge, othersThan } from "./merge_state.ts";
import {
  type AbsorbMessage,
  type FreeMessage,
  type RefusalReason,
  type RefusedMessage,
  sendTo,
} from "./messages.ts";
import { nameOf, studioOf } from "./names.ts";
import { pushJoin } from "./union.ts";

/** Storable names without control characters: what a user id may be. */
// deno-lint-ignore no-control-regex -- control characters are what it keeps out
const idPattern = /^[^\u0000-\u001f\u007f-\u009f]+$/;

/** The id that a user says he had before, if the event says so; nonsense says nothing. */
export function linkOf({ event_type, properties }: PlayerEvent): string | undefined {
  const id = event_type === "alias"
    ? properties["previous_id"]
    : event_type === "identify"
    ? properties["anonymous_id"]
    : undefined;
  if (typeof id !== "string" || id.length > limits.idCharsMax) return undefined;
  return idPattern.test(id) && id.isWellFormed() ? id : undefined;
}

/** Wants an id as an alias of a player who is none himself. What is one already costs nothing. */
export function wantAlias(
  state: PlayerState,
  alias: string,
  ctx: MessageContext,
  effects: Effect[],
): void {
  noteWish(state, alias, ctx, effects);
  goOn(state, ctx, effects);
}

/** Who does more in one step goes on once, in the end: he may be an alias after that. */
export function noteWish(
  state: PlayerState,
  alias: string,
  ctx: MessageContext,
  effects: Effect[],
): void {
  if (alias === nameOf(ctx) || state.merge?.aliases.has(alias)) return;
  const merge = state.merge ??= newMerge();
  const known = merge.asks.find((ask) => ask.alias === alias);
  if (known?.step === "asked") {
    // Should the answer have got lost with an actor that stood still, there is another one now.
    sendMerge(state, alias, ctx, effects);
    return;
  }
  if (known !== undefined) known.step = "ready";
  else if (merge.aliases.size + merge.asks.length >= limits.aliasesPerPlayerMax) {
    pushRefusal(ctx, alias, "too_many_aliases", effects);
  } else merge.asks.push({ alias, step: "ready" });
}

function sendMerge(
  state: PlayerState,
  alias: string,
  ctx: MessageContext,
  effects: Effect[],
): void {
  const room = limits.aliasesPerPlayerMax - state.merge!.aliases.size;
  effects.push(sendTo(ctx, alias, internalType.merge, { into: nameOf(ctx), room }));
}

/** What a client asked for will not be. */
function pushRefusal(
  ctx: MessageContext,
  alias: string,
  reason: RefusalReason,
  effects: Effect[],
): void {
  const into = nameOf(ctx);
  effects.push({
    type: "refusal",
    code: `merge_${reason}`,
    message: `Cannot make '${alias}' an alias of '${into}': ${reason}`,
    payload: { alias, into, reason },
  });
}

/** What comes next when no ask is under way: who waits, who was sent away, the next ask. */
export function goOn(state: PlayerState, ctx: MessageContext, effects: Effect[]): void {
  if (state.merge === undefined) return;
  if (state.merge.asks.some(({ step }) => step === "asked")) return;
  while (state.merge.into === undefined && state.merge.waiting.length > 0) {
    becomeAlias(state, state.merge.waiting.shift()!, ctx, effects);
  }
  // Another one than before if he is an alias now.
  const { merge } = state;
  for (const asker of merge.noted) {
    effects.push(sendTo(ctx, asker, internalType.free, { alias: nameOf(ctx) }));
  }
  merge.noted = [];
  const next = merge.asks.find(({ step }) => step === "ready");
  if (next !== undefined) {
    next.step = "asked";
    sendMerge(state, next.alias, ctx, effects);
  }
  if (isTrivial(merge)) delete state.merge;
}

/** An id refuses to become his alias, for good or for now. */
export function receiveRefused(
  state: PlayerState,
  { alias, reason, later }: RefusedMessage,
  ctx: MessageContext,
): Effect[] | undefined {
  const ask = state.merge?.asks.find((ask) => ask.alias === alias && ask.step === "asked");
  if (ask === undefined) return undefined;
  const effects: Effect[] = [];
  if (later === true) ask.step = "later";
  else {
    dropAsk(state, alias);
    pushRefusal(ctx, alias, reason, effects);
  }
  goOn(state, ctx, effects);
  return effects;
}

/** An id can be asked again: it has sent him away, or was given back by him when it was asked. */
export function receiveFree(
  state: PlayerState,
  { alias }: FreeMessage,
  ctx: MessageContext,
): Effect[] | undefined {
  const ask = state.merge?.asks.find((ask) => ask.alias === alias && ask.step !== "ready");
  if (ask === undefined) return undefined;
  const effects: Effect[] = [];
  if (ask.step === "asked") sendMerge(state, alias, ctx, effects);
  else ask.step = "ready";
  goOn(state, ctx, effects);
  return effects;
}

function dropAsk({ merge }: PlayerState, alias: string): void {
  if (merge !== undefined) merge.asks = merge.asks.filter((ask) => ask.alias !== alias);
}

/** An id has become his alias: what it has is his now, and he asks whom it was still to ask. */
export function receiveAbsorb(
  state: PlayerState,
  message: AbsorbMessage,
  ctx: MessageContext,
): Effect[] {
  const effects: Effect[] = [];
  const [self, alias] = [nameOf(ctx), message.aliases[0]!.id];
  dropAsk(state, alias);
  const reason = whyNot(state, self, message);
  if (reason !== undefined) {
    const { aliases, wants } = message;
    effects.push(sendTo(ctx, alias, internalType.restore, { aliases, wants }));
    pushRefusal(ctx, alias, reason, effects);
  } else {
    const merge = state.merge ??= newMerge();
    const others = othersThan(state, self, "");
    const joining = message.aliases.map((encoded) => ({
      id: encoded.id,
      alias: decodeAlias(encoded),
    }));
    const player = { studio: studioOf(ctx), userId: self };
    const parts = joining.map(({ id, alias }) => ({ id, part: alias.part }));
    pushJoin(player, others, parts, 1, effects);
    for (const { id, alias } of joining) {
      merge.aliases.set(id, alias);
      dropAsk(state, id);
      effects.push({ type: "alias", studio: player.studio, aliasId: id, userId: self });
    }
    armOrderTimer(state, ctx, effects);
    armSessionTimer(state, effects);
    for (const want of message.wants) noteWish(state, want, ctx, effects);
  }
  goOn(state, ctx, effects);
  return effects;
}

/** He asks one at a time and tells how much room there is, so this is for what nobody thought of. */
function whyNot(
  { merge }: PlayerState,
  self: string,
  { aliases }: AbsorbMessage,
): RefusalReason | undefined {
  if (merge?.into !== undefined) return "merged_elsewhere";
  if (aliases.some(({ id }) => id === self || merge?.aliases.has(id))) return "cycle";
  const count = (merge?.aliases.size ?? 0) + aliases.length;
  return count > limits.aliasesPerPlayerMax ? "too_many_aliases" : undefined;
}
