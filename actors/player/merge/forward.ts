/**
 * Events that come to an alias: they go on to who it is, each once and in order, and count as they would
 * have where they came.
 *
 * @module
 */
import { InvalidInput } from "../../../schema/errors.ts";
import { internalType, type PlayerEvent } from "../../../schema/event.ts";
import { limits } from "../../../schema/limits.ts";
import type { Effect, MessageContext } from "../../kernel/behaviour.ts";
import { countEvent, refuseWhatWouldGrowWithoutEnd } from "../count_event.ts";
import type { PlayerState } from "../player_state.ts";
import { armSessionTimer } from "../sessions.ts";
import { linkOf, wantAlias } from "./link.ts";
import { othersThan } from "./merge_state.ts";
import { type ForwardMessage, sendTo } from "./messages.ts";
import { nameOf, studioOf } from "./names.ts";

/** An alias passes on an event of his own that he has not seen before. */
export function forwardOwn(
  state: PlayerState,
  event: PlayerEvent,
  ctx: MessageContext,
): Effect[] | undefined {
  const { into, nth } = state.merge!;
  if (!state.ring.add(event.event_id)) return undefined;
  const { studio: _, user_id: alias, ...rest } = event;
  const message: ForwardMessage = { alias, nth, at: ctx.now, path: [], event: rest };
  return [sendTo(ctx, into!, internalType.forward, message)];
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
    if (alias === self && message.nth === merge.nth) hold(state, message);
    else {
      const on = alias === self ? { nth: merge.nth, path: [] } : { path: [...path, self] };
      effects.push(sendTo(ctx, merge.into, internalType.forward, { ...message, ...on }));
    }
  } else if (alias === self || merge?.aliases.has(alias)) {
    countForwarded(state, message, ctx, effects);
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
function hold({ merge }: PlayerState, message: ForwardMessage): void {
  if (merge!.held.length >= limits.dedupeRingEntries) {
    throw new InvalidInput("too_many_held", `Cannot hold more events of '${message.alias}'`);
  }
  merge!.held.push(message);
}

/**
 * Counts an event for the id that it came to, as of when it came there.
 *
 * @throws {InvalidInput} its part would grow without end
 */
export function countForwarded(
  state: PlayerState,
  { alias, at, event }: ForwardMessage,
  ctx: MessageContext,
  effects: Effect[],
): void {
  const self = nameOf(ctx);
  const part = alias === self ? state : state.merge!.aliases.get(alias)!.part;
  const whole: PlayerEvent = { ...event, studio: studioOf(ctx), user_id: self };
  refuseWhatWouldGrowWithoutEnd(part, whole);
  const others = othersThan(state, self, alias);
  countEvent(part, alias, others, whole, { ...ctx, now: at }, effects);
  const link = linkOf(whole);
  if (link !== undefined) wantAlias(state, link, ctx, effects);
}
