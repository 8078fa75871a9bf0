/**
 * Events that come to an alias: they go on to who it is, each once and in order, and count as they would
 * have where they came.
 *
 * @module
 */
import { InvalidInput } from "../../../schema/errors.ts";
import { internalType, type JsonObject, type PlayerEvent } from "../../../schema/event.ts";
import { limits } from "../../../schema/limits.ts";
import type { Effect, MessageContext } from "../../kernel/behaviour.ts";
import { countEvent, refuseWhatWouldGrowWithoutEnd } from "../count_event.ts";
import type { PlayerState } from "../player_state.ts";
import { armSessionTimer } from "../sessions.ts";
import { countInOrder, hold } from "./line.ts";
import { linkOf, wantAlias } from "./link.ts";
import { type MergeState, othersThan } from "./merge_state.ts";
import { type ForwardMessage, type NumberedEvent, sendTo } from "./messages.ts";
import { nameOf, studioOf } from "./names.ts";

/**
 * An alias passes on an event of his own that he has not seen before. Who is none any more and waits for
 * what he has passed on, lets it wait, too.
 */
export function forwardOwn(
  state: PlayerState,
  event: PlayerEvent,
  ctx: MessageContext,
): Effect[] | undefined {
  const merge = state.merge!;
  if (!state.ring.add(event.event_id)) return undefined;
  const { studio: _, user_id: alias, ...rest } = event;
  const numbered: NumberedEvent = { seq: merge.numbered++, at: ctx.now, event: rest };
  const effects: Effect[] = [];
  if (merge.into === undefined) countInOrder(state, alias, numbered, ctx, effects);
  else {
    const message: ForwardMessage = { alias, nth: merge.nth, path: [], ...numbered };
    effects.push(sendTo(ctx, merge.into, internalType.forward, message));
  }
  return effects;
}

/** An event that came to an alias, on its way to who it is; or on its way back. */
export function receiveForward(
  state: PlayerState,
  message: ForwardMessage,
  ctx: MessageContext,
): Effect[] {
  const { alias, path } = message;
  const { merge } = state;
  const [self, effects]: [string, Effect[]] = [nameOf(ctx), []];
  if (merge?.into !== undefined) {
    if (alias === self && message.nth === merge.nth) holdEarly(merge, message);
    else {
      const on = alias === self ? { nth: merge.nth, path: [] } : { path: [...path, self] };
      effects.push(sendTo(ctx, merge.into, internalType.forward, { ...message, ...on }));
    }
  } else if (alias === self || merge?.aliases.has(alias)) {
    countInOrder(state, alias, numberedOf(message), ctx, effects);
    armSessionTimer(state, effects);
  } else {
    // To the last who passed it on and is no alias here any more: he was given what he had before.
    const to = path.findLastIndex((id) => !merge?.aliases.has(id));
    const back = { ...message, path: path.slice(0, Math.max(0, to)) };
    effects.push(sendTo(ctx, to === -1 ? alias : path[to]!, internalType.forward, back));
  }
  return effects;
}

/** It came back before he was told that he is no alias any more, by another way; that is about to come. */
function holdEarly(merge: MergeState, message: ForwardMessage): void {
  if (merge.held.length >= limits.forwardsHeldMax) {
    throw new InvalidInput("too_many_held", `Cannot hold more events of '${message.alias}'`);
  }
  hold(merge, numberedOf(message));
}

function numberedOf({ seq, at, event }: ForwardMessage): NumberedEvent {
  return { seq, at, event };
}

/** Counts an event for the id that it came to, as of when it came there; or says why it cannot. */
export function countForwarded(
  state: PlayerState,
  alias: string,
  { at, event }: NumberedEvent,
  ctx: MessageContext,
  effects: Effect[],
): void {
  const self = nameOf(ctx);
  const part = alias === self ? state : state.merge!.aliases.get(alias)!.part;
  const whole: PlayerEvent = { ...event, studio: studioOf(ctx), user_id: self };
  try {
    refuseWhatWouldGrowWithoutEnd(part, whole);
  } catch (cause) {
    // Not thrown on: others wait for their turn.
    if (!(cause instanceof InvalidInput)) throw cause;
    const payload = { ...event, studio: whole.studio, user_id: alias } as unknown as JsonObject;
    effects.push({ type: "refusal", code: cause.code, message: cause.message, payload });
    return;
  }
  const others = othersThan(state, self, alias);
  countEvent(part, alias, others, whole, { ...ctx, now: at }, effects);
  const link = linkOf(whole);
  if (link !== undefined) wantAlias(state, link, ctx, effects);
}
