/**
 * What a player did in one game. There are as many of these as players in games, so their times lie in
 * them as days and milliseconds: as one number each they would be boxes, half of all the objects of a
 * player.
 *
 * @module
 */
import { DAY_MS } from "../../schema/limits.ts";
import { daysIn, msBeyond } from "../../schema/memory/unboxed.ts";
import { DaySet } from "./day_set.ts";
import { bytesOf, type NamedNumbers, namedNumbers, noNumbers, pairsOf } from "./named_numbers.ts";

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

/** Shared by all who have never paid. */
const noDays = new DaySet();

class LiveGame implements PlayerGame {
  events = 0;
  sessions = 0;
  level: number | null = null;
  counts = noNumbers;
  revenue = noNumbers;
  activeDays = new DaySet();
  payingDays = noDays;
  best = noNumbers;
  #playDays = 0;
  #playMs = 0;
  #arrivalDay = 0;
  #arrivalMs = 0;
  #firstDay = 0;
  #firstMs = 0;
  #lastDay = 0;
  #lastMs = 0;

  constructor(public cohortDay: number) {}

  get playMs(): number {
    return this.#playDays * DAY_MS + this.#playMs;
  }

  set playMs(ms: number) {
    this.#playDays = daysIn(ms);
    this.#playMs = msBeyond(this.#playDays, ms);
  }

  get firstArrival(): number {
    return this.#arrivalDay * DAY_MS + this.#arrivalMs;
  }

  set firstArrival(at: number) {
    this.#arrivalDay = daysIn(at);
    this.#arrivalMs = msBeyond(this.#arrivalDay, at);
  }

  get firstSeen(): number {
    return this.#firstDay * DAY_MS + this.#firstMs;
  }

  set firstSeen(at: number) {
    this.#firstDay = daysIn(at);
    this.#firstMs = msBeyond(this.#firstDay, at);
  }

  get lastSeen(): number {
    return this.#lastDay * DAY_MS + this.#lastMs;
  }

  set lastSeen(at: number) {
    this.#lastDay = daysIn(at);
    this.#lastMs = msBeyond(this.#lastDay, at);
  }
}

/**
 * A game with nothing counted yet.
 *
 * @param day of its first event, days since the Unix epoch
 * @param at the time of that event, milliseconds
 * @param arrival when it arrived, milliseconds
 */
export function newPlayerGame(day: number, at: number, arrival: number): PlayerGame {
  const game = new LiveGame(day);
  game.firstArrival = arrival;
  game.firstSeen = at;
  game.lastSeen = at;
  return game;
}

/** Adds a paying day; false when it was there. */
export function addPayingDay(game: PlayerGame, day: number): boolean {
  if (game.payingDays === noDays) game.payingDays = new DaySet();
  return game.payingDays.add(day);
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

/** Shares nothing with the game. */
export function encodeGame(game: PlayerGame): EncodedGame {
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

/** Shares nothing with what it is made of. */
export function decodeGame(encoded: EncodedGame): PlayerGame {
  const { cohort, firstSeen, payingDays } = encoded;
  const game = newPlayerGame(cohort[0], firstSeen, cohort[1] + firstSeen);
  game.events = encoded.events;
  game.sessions = encoded.sessions;
  game.playMs = encoded.playMs;
  game.lastSeen = encoded.lastSeen;
  game.level = encoded.level;
  game.counts = namedNumbers(encoded.counts);
  game.revenue = namedNumbers(encoded.revenue ?? []);
  game.activeDays = DaySet.decode(encoded.activeDays);
  if (payingDays !== undefined) game.payingDays = DaySet.decode(payingDays);
  game.best = namedNumbers(encoded.best ?? []);
  return game;
}

/** About the bytes a game takes; its constants come from `bench/micro/actor_bytes.ts`. */
export function gameBytes(game: PlayerGame): number {
  return 230 + game.activeDays.bytes + (game.payingDays === noDays ? 0 : game.payingDays.bytes) +
    bytesOf(game.counts) + bytesOf(game.revenue) + bytesOf(game.best);
}
