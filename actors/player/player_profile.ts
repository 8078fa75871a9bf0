/**
 * A player's answer to `profile`.
 *
 * @module
 */
import type { PlayerProfile, SessionView } from "../../schema/queries/player_queries.ts";
import type { AskContext } from "../kernel/behaviour.ts";
import { engagementScore } from "./engagement.ts";
import { daysOf, gamesOf, type NamedPart } from "./merge/union.ts";
import { othersThan } from "./merge/merge_state.ts";
import { nameOf } from "./merge/names.ts";
import { addNumbers, type NamedNumbers, noNumbers, pairsOf } from "./named_numbers.ts";
import type { PlayerGame } from "./player_game.ts";
import type { PlayerPart } from "./player_part.ts";
import type { PlayerState } from "./player_state.ts";
import type { Session } from "./session_list.ts";
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

function sumsOf(games: readonly PlayerGame[], which: "counts" | "revenue"): NamedNumbers {
  return games.reduce((sums, game) => addNumbers(sums, game[which]), noNumbers);
}

/** What each of a player's ids did in one game, as if one had done it, as far as a profile looks at it. */
function together(parts: readonly NamedPart[], gameId: string): PlayerGame {
  const games = gamesOf(parts, gameId);
  const [first] = games;
  if (games.length === 1) return first!;
  const sums = (which: "counts" | "revenue") => sumsOf(games, which);
  const add = (of: (game: PlayerGame) => number) => games.reduce((n, game) => n + of(game), 0);
  const levels = games.flatMap(({ level }) => level ?? []);
  const { cohortDay, firstArrival, best } = first!;
  return {
    cohortDay,
    firstArrival,
    best,
    events: add((game) => game.events),
    sessions: add((game) => game.sessions),
    playMs: add((game) => game.playMs),
    firstSeen: Math.min(...games.map((game) => game.firstSeen)),
    lastSeen: Math.max(...games.map((game) => game.lastSeen)),
    level: levels.length === 0 ? null : Math.max(...levels),
    counts: sums("counts"),
    revenue: sums("revenue"),
    activeDays: daysOf(games, "activeDays"),
    payingDays: daysOf(games, "payingDays"),
  };
}

/** All games of a player, whichever of his ids played them, and the parts that have his sessions. */
function wholeOf(state: PlayerState, id: string): {
  readonly games: ReadonlyMap<string, PlayerGame>;
  readonly parts: readonly Pick<PlayerPart, "sessions">[];
} {
  if (state.merge === undefined || state.merge.aliases.size === 0) {
    return { games: state.games, parts: [state] };
  }
  const parts = othersThan(state, id, "");
  const ids = new Set(parts.flatMap(({ part }) => [...part.games.keys()]));
  return {
    games: new Map(Array.from(ids, (id) => [id, together(parts, id)])),
    parts: parts.map(({ part }) => part),
  };
}

/** The figures of one game, or of all of them. A game the player never touched gives zeros. */
export function playerProfile(
  state: PlayerState,
  gameId: string | undefined,
  ctx: AskContext,
  stateHash: string,
): PlayerProfile {
  const id = nameOf(ctx);
  const whole = wholeOf(state, id);
  const one = gameId === undefined ? undefined : whole.games.get(gameId);
  const games: PlayerGame[] = gameId === undefined ? [...whole.games.values()] : one ? [one] : [];
  const everywhere = games.length > 0 ? games : [...whole.games.values()];
  const seen = everywhere.length > 0;
  const sum = (of: (game: PlayerGame) => number) => games.reduce((n, game) => n + of(game), 0);
  const levels = games.flatMap((game) => game.level === null ? [] : [game.level]);
  const session = currentSession(whole.parts, gameId);
  const { into, aliases } = state.merge ?? {};
  return {
    id,
    firstSeen: seen ? Math.min(...everywhere.map((game) => game.firstSeen)) : 0,
    lastSeen: seen ? Math.max(...everywhere.map((game) => game.lastSeen)) : 0,
    eventsTotal: sum((game) => game.events),
    sessionsTotal: sum((game) => game.sessions),
    playSeconds: sum((game) => game.playMs) / 1000,
    revenueMinor: Object.fromEntries(pairsOf(sumsOf(games, "revenue"))),
    level: levels.length === 0 ? null : Math.max(...levels),
    engagementScore: engagementScore(games, ctx.now),
    eventCounts: Object.fromEntries(pairsOf(sumsOf(games, "counts"))),
    currentSession: session === undefined ? null : viewOf(session),
    version: ctx.version,
    stateHash,
    ...(into === undefined ? {} : { mergedInto: into }),
    ...(aliases === undefined || aliases.size === 0 ? {} : { aliases: [...aliases.keys()].sort() }),
  };
}
