/**
 * The player: who counts each event once and knows what is new about it. It tells its games exact
 * deltas, so that their metrics are sums and nobody ever scans.
 *
 * @module
 */
import { internalType, isInternal, type PlayerEvent } from "../../schema/event.ts";
import { fingerprintHex } from "../../schema/hash.ts";
import type { PlayerAnswers, PlayerQuery } from "../../schema/queries/player_queries.ts";
import type { Behaviour, Effect, MessageContext } from "../kernel/behaviour.ts";
import { alone, countEvent, refuseWhatWouldGrowWithoutEnd } from "./count_event.ts";
import { forwardOwn } from "./merge/forward.ts";
import { isBehind, orderTimer, receiveOrderTimer } from "./merge/line.ts";
import { linkOf, wantAlias } from "./merge/link.ts";
import { othersThan } from "./merge/merge_state.ts";
import { receiveMerge } from "./merge/receive_merge.ts";
import { playerProfile } from "./player_profile.ts";
import {
  decodePlayer,
  encodePlayer,
  liftFirstVersion,
  newPlayer,
  playerBytes,
  type PlayerState,
} from "./player_state.ts";
import { armSessionTimer, closeSilentSessions, expireSessions } from "./sessions.ts";

export const player: Behaviour<
  PlayerState,
  PlayerEvent,
  PlayerQuery,
  PlayerAnswers[PlayerQuery["type"]]
> = {
  kind: "player",
  version: 2,
  durability: "journal",
  upcast: { 1: liftFirstVersion },
  create: newPlayer,
  receive(state, event, ctx) {
    if (!isInternal(event)) return receiveEvent(state, event, ctx);
    if (event.event_type === internalType.timer) return receiveTimer(state, event, ctx);
    return receiveMerge(state, event, ctx);
  },
  ask(state, query, ctx) {
    const hash = fingerprintHex(encodePlayer(state));
    return playerProfile(state, query.gameId, ctx, hash);
  },
  snapshot: (state) => [{ part: "", body: encodePlayer(state) }],
  describe: (state) => [{ part: "", body: encodePlayer(state) }],
  restore: (_actorId, parts) => decodePlayer(parts[0]!.body),
  bytes: playerBytes,
};

/** A timer that is not the armed one is stale: its session moved on, or it fired twice. */
function receiveTimer(
  state: PlayerState,
  event: PlayerEvent,
  ctx: MessageContext,
): Effect[] | undefined {
  if (event.properties["name"] === orderTimer) return receiveOrderTimer(state, event, ctx);
  if (state.timerDueAt !== event.properties["due_at"]) return undefined;
  const effects: Effect[] = [];
  state.timerDueAt = null;
  const now = Math.max(ctx.now, event.timestamp);
  // Something that came in time may be on its way back.
  const awaits = state.merge !== undefined && isBehind(state.merge);
  const endSessions = awaits ? closeSilentSessions : expireSessions;
  endSessions(state, now, event.studio, effects);
  for (const { part } of state.merge?.aliases.values() ?? []) {
    closeSilentSessions(part, now, event.studio, effects);
  }
  armSessionTimer(state, effects);
  if (state.timerDueAt === null) {
    effects.push({ type: "timer", name: String(event.properties["name"]), dueAt: null });
  }
  return effects;
}

function receiveEvent(
  state: PlayerState,
  event: PlayerEvent,
  ctx: MessageContext,
): Effect[] | undefined {
  if (state.merge !== undefined && (state.merge.into !== undefined || isBehind(state.merge))) {
    return forwardOwn(state, event, ctx);
  }
  refuseWhatWouldGrowWithoutEnd(state, event);
  if (!state.ring.add(event.event_id)) return undefined;
  const effects: Effect[] = [];
  const others = state.merge === undefined
    ? alone
    : othersThan(state, event.user_id, event.user_id);
  countEvent(state, event.user_id, others, event, ctx, effects);
  armSessionTimer(state, effects);
  const alias = linkOf(event);
  if (alias !== undefined) wantAlias(state, alias, ctx, effects);
  return effects;
}
