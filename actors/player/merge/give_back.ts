/**
 * What becomes of a message that its player cannot take, as he stands still or the code throws at it: who
 * asks is answered, and what was handed over goes back. So nothing of a merge waits in `dlq.events`.
 *
 * @module
 */
import { internalType, type PlayerEvent, playerId } from "../../../schema/event.ts";
import type { Effect } from "../../kernel/behaviour.ts";
import { type AbsorbMessage, type MergeMessage, sendTo } from "./messages.ts";

/** @returns the effects in its place; `undefined`: it is to be parked */
export function giveBack(
  event: PlayerEvent,
  reason: "halted" | "failed",
): Effect[] | undefined {
  const ctx = { actorId: playerId(event) };
  const self = event.user_id;
  if (event.event_type === internalType.merge) {
    const { into } = event.properties as unknown as MergeMessage;
    return [sendTo(ctx, into, internalType.refused, { alias: self, reason })];
  }
  if (event.event_type !== internalType.absorb) return undefined;
  const { aliases, wants } = event.properties as unknown as AbsorbMessage;
  const refused = { by: self, reason };
  return [sendTo(ctx, aliases[0]!.id, internalType.restore, { aliases, wants, refused })];
}
