/**
 * What the events of one user id have made: games and sessions. A player has one such part, and one more
 * for each user id that turned out to be him.
 *
 * @module
 */
import { DaySet } from "./day_set.ts";
import { bytesOf, type NamedNumbers, namedNumbers, noNumbers, pairsOf } from "./named_numbers.ts";
import { type Session, SessionList } from "./session_list.ts";

/** What a player did in one game. */
export interface PlayerGame {
  events: number;
  sessions: number;
  playMs: number;
  /** Event day (days since the Unix epoch) and arrival (milliseconds) of the event that arrived first. */
  cohortDay: number;
  firstArrival: number;
  /** Earliest and latest event time, milliseconds. */
  firstSeen: number;
  lastSeen: number;
  level: number | null;
  /** By event type. */
  counts: NamedNumbers;
  /** Minor units by currency. */
  revenue: NamedNumbers;
  activeDays: DaySet;
  payingDays: DaySet;
  /** Best score by board. */
  best: NamedNumbers;
}

/** What the events of one user id have made. */
export interface PlayerPart {
  /** By game id. */
  games: Map<string, PlayerGame>;
  sessions: SessionList;
}

/** Shared by all who have never paid. */
const noDays = new DaySet();

/** Adds a paying day; false when it was there. */
export function addPayingDay(game: PlayerGame, day: number): boolean {
  if (game.payingDays === noDays) game.payingDays = new DaySet();
  return game.payingDays.add(day);
}

/**
 * A game with nothing counted yet.
 *
 * @param day of its first event, days since the Unix epoch
 * @param at the time of that event, milliseconds
 * @param arrival when it arrived, milliseconds
 */
export function newPlayerGame(day: number, at: number, arrival: number): PlayerGame {
  return {
    events: 0,
    sessions: 0,
    playMs: 0,
    cohortDay: day,
    firstArrival: arrival,
    firstSeen: at,
    lastSeen: at,
    level: null,
    counts: noNumbers,
    revenue: noNumbers,
    activeDays: new DaySet(),
    payingDays: noDays,
    best: noNumbers,
  };
}

type Pairs = [string, number][];

/** What a game has nothing of is left out. */
export interface EncodedGame {
  events: number;
  sessions: number;
  playMs: number;
  /** Day of the first applied event, and its arrival less `firstSeen`. */
  cohort: [day: number, arrival: number];
  firstSeen: number;
  lastSeen: number;
  level: number | null;
  counts: Pairs;
  activeDays: number[];
  revenue?: Pairs | undefined;
  payingDays?: number[] | undefined;
  best?: Pairs | undefined;
}

/** A part as JSON keeps it. */
export interface EncodedPart {
  games: [string, EncodedGame][];
  sessions: Session[];
}

function encodeGame(game: PlayerGame): EncodedGame {
  const { events, sessions, playMs, cohortDay, firstArrival, firstSeen, lastSeen, level } = game;
  return {
    events,
    sessions,
    playMs,
    cohort: [cohortDay, firstArrival - firstSeen],
    firstSeen,
    lastSeen,
    level,
    counts: pairsOf(game.counts),
    activeDays: game.activeDays.encode(),
    // JSON leaves out what is undefined.
    revenue: game.revenue === noNumbers ? undefined : pairsOf(game.revenue),
    payingDays: game.payingDays === noDays ? undefined : game.payingDays.encode(),
    best: game.best === noNumbers ? undefined : pairsOf(game.best),
  };
}

function decodeGame(game: EncodedGame): PlayerGame {
  const { events, sessions, playMs, cohort, firstSeen, lastSeen, level, payingDays } = game;
  return {
    events,
    sessions,
    playMs,
    cohortDay: cohort[0],
    firstArrival: cohort[1] + firstSeen,
    firstSeen,
    lastSeen,
    level,
    counts: namedNumbers(game.counts),
    revenue: namedNumbers(game.revenue ?? []),
    activeDays: DaySet.decode(game.activeDays),
    payingDays: payingDays === undefined ? noDays : DaySet.decode(payingDays),
    best: namedNumbers(game.best ?? []),
  };
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
    games.every(([, { events, cohort }]) =>
      Number.isInteger(events) && cohort.length === 2 && cohort.every(Number.isFinite)
    );
  if (!isWhole) throw new TypeError("Cannot decode a player whose parts are missing");
  return {
    games: new Map(games.map(([id, game]) => [id, decodeGame(game)])),
    sessions: SessionList.decode(sessions),
  };
}

/** About the bytes a part takes; its constants come from `bench/micro/actor_bytes.ts`. */
export function partBytes({ games, sessions }: PlayerPart): number {
  let bytes = sessions.length * 115;
  for (const game of games.values()) {
    bytes += 230 + game.activeDays.bytes + (game.payingDays === noDays ? 0 : game.payingDays.bytes);
    bytes += bytesOf(game.counts) + bytesOf(game.revenue) + bytesOf(game.best);
  }
  return bytes;
}
