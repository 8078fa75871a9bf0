/**
 * A player's answer to `profile`.
 *
 * @module
 */
import type { PlayerProfile, SessionView } from "../../schema/queries/player_queries.ts";
import type { AskContext } from "../kernel/behaviour.ts";
import { engagementScore } from "./engagement.ts";
import type { PlayerGame, PlayerState, Session } from "./player_state.ts";
import { currentSession } from "./sessions.ts";

function viewOf(session: Session): SessionView {
  return {
    id: session.id === "" ? `implicit:${session.startedAtPosition}` : session.id,
    gameId: session.gameId,
    startedAt: session.firstAt,
    lastEventAt: session.lastAt,
    events: session.events,
  };
}

function addInto(sum: Map<string, number>, counts: ReadonlyMap<string, number>): void {
  for (const [name, n] of counts) sum.set(name, (sum.get(name) ?? 0) + n);
}

/** The figures of one game, or of all of them. A game the player never touched gives zeros. */
export function playerProfile(
  state: PlayerState,
  gameId: string | undefined,
  ctx: AskContext,
  stateHash: string,
): PlayerProfile {
  const one = gameId === undefined ? undefined : state.games.get(gameId);
  const games: PlayerGame[] = gameId === undefined ? [...state.games.values()] : one ? [one] : [];
  const everywhere = games.length > 0 ? games : [...state.games.values()];
  const counts = new Map<string, number>();
  const revenue = new Map<string, number>();
  for (const game of games) {
    addInto(counts, game.counts);
    addInto(revenue, game.revenue);
  }
  const sum = (of: (game: PlayerGame) => number) => games.reduce((n, game) => n + of(game), 0);
  const levels = games.flatMap((game) => game.level === null ? [] : [game.level]);
  const session = currentSession(state, gameId);
  return {
    id: ctx.actorId.slice(ctx.actorId.indexOf("/") + 1),
    firstSeen: Math.min(...everywhere.map((game) => game.firstSeen)),
    lastSeen: Math.max(...everywhere.map((game) => game.lastSeen)),
    eventsTotal: sum((game) => game.events),
    sessionsTotal: sum((game) => game.sessions),
    playSeconds: sum((game) => game.playMs) / 1000,
    revenueMinor: Object.fromEntries(revenue),
    level: levels.length === 0 ? null : Math.max(...levels),
    engagementScore: engagementScore(games, ctx.now),
    eventCounts: Object.fromEntries(counts),
    currentSession: session === undefined ? null : viewOf(session),
    version: ctx.version,
    stateHash,
  };
}
