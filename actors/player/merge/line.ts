/**
 * Events of an id that was an alias count in the order in which they came to it, whichever way they took:
 * when a merge is undone, some come back while newer ones come directly. So an alias numbers what it passes
 * on, and whoever holds its part counts by number. What comes too early waits for what is missing; not for
 * ever, as that may stand in `dlq.events`: then what waits counts all the same, and what is late counts
 * when it comes.
 *
 * @module
 */
import type { PlayerEvent } from "../../../schema/event.ts";
import { limits } from "../../../schema/limits.ts";
import type { Effect, MessageContext } from "../../kernel/behaviour.ts";
import type { PlayerState } from "../player_state.ts";
import { armSessionTimer } from "../sessions.ts";
import { countForwarded } from "./forward.ts";
import type { MergeState } from "./merge_state.ts";
import type { NumberedEvent } from "./messages.ts";
import { nameOf } from "./names.ts";

/** The name of the timer that ends the waiting. */
export const orderTimer = "order";

/** Where an id's part stands in what the id has numbered. */
export interface Line {
  /** The number of the event that counts next. */
  next: number;
  /** Events that came before it, by number. */
  readonly held: NumberedEvent[];
}

/** Something that he has numbered himself has not come back yet, so that his newer events wait. */
export function isBehind({ into, next, numbered }: MergeState): boolean {
  return into === undefined && next < numbered;
}

/** Puts an event in its place among those that wait. */
export function hold({ held }: Line, event: NumberedEvent): void {
  const at = held.findLastIndex(({ seq }) => seq < event.seq) + 1;
  held.splice(at, 0, event);
}

/** Counts an event of `id` with all that has waited for it, or lets it wait. */
export function countInOrder(
  state: PlayerState,
  id: string,
  event: NumberedEvent,
  ctx: MessageContext,
  effects: Effect[],
): void {
  const merge = state.merge!;
  const line = id === nameOf(ctx) ? merge : merge.aliases.get(id)!;
  hold(line, event);
  countDue(state, id, line, ctx, effects);
  if (line.held.length > limits.forwardsHeldMax) countAll(state, id, line, ctx, effects);
  armOrderTimer(state, ctx, effects);
}

/** Counts what is due: those whose turn it is, and those whose turn is over. */
export function countDue(
  state: PlayerState,
  id: string,
  line: Line,
  ctx: MessageContext,
  effects: Effect[],
): void {
  while (line.held.length > 0 && line.held[0]!.seq <= line.next) {
    const event = line.held.shift()!;
    countForwarded(state, id, event, ctx, effects);
    if (event.seq === line.next) line.next++;
  }
}

/** Waits no longer. */
function countAll(
  state: PlayerState,
  id: string,
  line: Line,
  ctx: MessageContext,
  effects: Effect[],
): void {
  for (const event of line.held.splice(0)) {
    countForwarded(state, id, event, ctx, effects);
    line.next = Math.max(line.next, event.seq + 1);
  }
}

/** Arms the timer when something begins to wait, and cancels it when nothing does. */
export function armOrderTimer(state: PlayerState, ctx: MessageContext, effects: Effect[]): void {
  const { merge } = state;
  if (merge === undefined) return;
  const waits = merge.into === undefined &&
    (merge.held.length > 0 || merge.aliases.values().some(({ held }) => held.length > 0));
  if (waits === (merge.waitsUntil !== null)) return;
  merge.waitsUntil = waits ? Math.floor(ctx.now) + limits.forwardHeldMsMax : null;
  effects.push({ type: "timer", name: orderTimer, dueAt: merge.waitsUntil });
}

/** What was missing has not come in time. */
export function receiveOrderTimer(
  state: PlayerState,
  event: PlayerEvent,
  ctx: MessageContext,
): Effect[] | undefined {
  const { merge } = state;
  if (merge === undefined || merge.waitsUntil !== event.properties["due_at"]) return undefined;
  const effects: Effect[] = [];
  countAll(state, nameOf(ctx), merge, ctx, effects);
  for (const [id, alias] of merge.aliases) countAll(state, id, alias, ctx, effects);
  armOrderTimer(state, ctx, effects);
  armSessionTimer(state, effects);
  return effects;
}
