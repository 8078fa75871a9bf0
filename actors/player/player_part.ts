/**
 * What the events of one user id have made: games and sessions. A player has one such part, and one more
 * for each user id that turned out to be him.
 *
 * @module
 */
import {
  decodeGame,
  type EncodedGame,
  encodeGame,
  gameBytes,
  type PlayerGame,
} from "./player_game.ts";
import { type Session, SessionList } from "./session_list.ts";

/** What the events of one user id have made. */
export interface PlayerPart {
  /** By game id. */
  games: Map<string, PlayerGame>;
  sessions: SessionList;
}

/** A part as JSON keeps it. */
export interface EncodedPart {
  games: [string, EncodedGame][];
  sessions: Session[];
}

/** Shares nothing with the part. */
export function encodePart({ games, sessions }: PlayerPart): EncodedPart {
  return {
    games: Array.from(games, ([id, game]) => [id, encodeGame(game)]),
    sessions: sessions.encode(),
  };
}

/**
 * Shares nothing with what it is made of.
 *
 * @throws {TypeError} it is not the whole of a part
 */
export function decodePart({ games, sessions }: EncodedPart): PlayerPart {
  // What would decode without a word and be missed only when it is used.
  const isWhole = Array.isArray(sessions) && Array.isArray(games) &&
    games.every(([, { events, playMs, firstSeen, lastSeen, cohort }]) =>
      cohort.length === 2 &&
      [events, playMs, firstSeen, lastSeen, ...cohort].every(Number.isFinite)
    );
  if (!isWhole) throw new TypeError("Cannot decode a player whose parts are missing");
  return {
    games: new Map(games.map(([id, game]) => [id, decodeGame(game)])),
    sessions: SessionList.decode(sessions),
  };
}

/** About the bytes a part takes; its constants come from `bench/micro/actor_bytes.ts`. */
export function partBytes({ games, sessions }: PlayerPart): number {
  let bytes = sessions.length * 98;
  for (const game of games.values()) bytes += gameBytes(game);
  return bytes;
}
