/**
 * Several user ids that are one player: what counts once however many of them did it. A game's sums of
 * events, sessions, money and open sessions do not care who tells them, so they stay where they are; active
 * and paying days, the cohort and the place on a leaderboard are the player's, and move.
 *
 * @module
 */
import { gameActorId } from "../../../schema/event.ts";
import type { Effect } from "../../kernel/behaviour.ts";
import { DaySet, newlyCovered } from "../day_set.ts";
import { namesOf, numberIn } from "../named_numbers.ts";
import type { PlayerGame } from "../player_game.ts";
import type { PlayerPart } from "../player_part.ts";

/** Windows of the forward-dated activity metrics, in days. */
const windows = [["wau", 7], ["mau", 30]] as const;

/** What the events of one user id have made. */
export interface NamedPart {
  readonly id: string;
  readonly part: PlayerPart;
}

/** Pushes the deltas of a newly active day: its DAU, and every window that no other day covers. */
export function pushActiveDay(
  days: { has(day: number): boolean },
  game: string,
  day: number,
  by: 1 | -1,
  effects: Effect[],
): void {
  effects.push({ type: "delta", game, metric: "dau", by, day });
  for (const [metric, length] of windows) {
    const { from, to } = newlyCovered(days, day, length);
    if (from <= to) effects.push({ type: "delta", game, metric, by, day: from, through: to });
  }
}

const noGames: readonly PlayerGame[] = [];

/** One game of each of the parts that have it. */
export function gamesOf(parts: readonly NamedPart[], gameId: string): readonly PlayerGame[] {
  if (parts.length === 0) return noGames;
  return parts.flatMap(({ part }) => part.games.get(gameId) ?? []);
}

/** The days that any of the games has; a set of its own. */
export function daysOf(games: readonly PlayerGame[], days: "activeDays" | "payingDays"): DaySet {
  const all = new DaySet();
  for (const day of games.flatMap((game) => game[days].days())) all.add(day);
  return all;
}

/** A day that any of the games has. */
export function hasDay(
  games: readonly PlayerGame[],
  days: "activeDays" | "payingDays",
  day: number,
): boolean {
  return games.some((game) => game[days].has(day));
}

/**
 * The cohort day of a game: that of the id whose first event arrived first; of two that arrived in the same
 * millisecond, of the smaller id.
 */
export function cohortDayOf(parts: readonly NamedPart[], gameId: string): number | undefined {
  let first: { readonly id: string; readonly game: PlayerGame } | undefined;
  for (const { id, part } of parts) {
    const game = part.games.get(gameId);
    if (game === undefined) continue;
    const by = first === undefined ? -1 : game.firstArrival - first.game.firstArrival;
    if (by < 0 || (by === 0 && id < first!.id)) first = { id, game };
  }
  return first?.game.cohortDay;
}

/** Pushes what moves a new player from one day to another; `undefined`: from or to no day at all. */
export function pushCohort(
  game: string,
  before: number | undefined,
  after: number | undefined,
  effects: Effect[],
): void {
  if (before === after) return;
  const metric = "new_players";
  if (before !== undefined) effects.push({ type: "delta", game, metric, by: -1, day: before });
  if (after !== undefined) effects.push({ type: "delta", game, metric, by: 1, day: after });
}

/** The best score on a board; `undefined`: none of the games has one. */
export function bestOf(games: readonly PlayerGame[], board: string): number | undefined {
  let best: number | undefined;
  for (const game of games) {
    const score = numberIn(game.best, board);
    if (score !== undefined && (best === undefined || score > best)) best = score;
  }
  return best;
}

/** A player whom parts join, or leave. */
export interface Player {
  readonly studio: string;
  readonly userId: string;
}

/**
 * Pushes the difference that `joining` make to a player who is `rest` without them.
 *
 * @param by 1: they join him; −1: they leave
 */
export function pushJoin(
  player: Player,
  rest: readonly NamedPart[],
  joining: readonly NamedPart[],
  by: 1 | -1,
  effects: Effect[],
): void {
  const all = [...rest, ...joining];
  for (const gameId of new Set(joining.flatMap(({ part }) => [...part.games.keys()]))) {
    const game = gameActorId(player.studio, gameId);
    const [theirs, others] = [gamesOf(joining, gameId), gamesOf(rest, gameId)];
    pushDays(game, others, theirs, by, effects);
    const [without, with_] = [cohortDayOf(rest, gameId), cohortDayOf(all, gameId)];
    if (by === 1) pushCohort(game, without, with_, effects);
    else pushCohort(game, with_, without, effects);
    pushScores({ game, userId: player.userId }, others, theirs, by, effects);
  }
}

function pushDays(
  game: string,
  others: readonly PlayerGame[],
  theirs: readonly PlayerGame[],
  by: 1 | -1,
  effects: Effect[],
): void {
  const active = daysOf(others, "activeDays");
  for (const day of theirs.flatMap((their) => their.activeDays.days())) {
    if (active.has(day)) continue;
    pushActiveDay(active, game, day, by, effects);
    active.add(day);
  }
  const paying = daysOf(others, "payingDays");
  for (const day of theirs.flatMap((their) => their.payingDays.days())) {
    if (paying.add(day)) effects.push({ type: "delta", game, metric: "payers", by, day });
  }
}

function pushScores(
  { game, userId }: { readonly game: string; readonly userId: string },
  others: readonly PlayerGame[],
  theirs: readonly PlayerGame[],
  by: 1 | -1,
  effects: Effect[],
): void {
  for (const board of new Set(theirs.flatMap(({ best }) => namesOf(best)))) {
    const [best, rest] = [bestOf(theirs, board)!, bestOf(others, board)];
    if (rest !== undefined && rest >= best) continue;
    if (by === 1) effects.push({ type: "score", game, board, userId, score: best });
    else {
      effects.push({ type: "unscore", game, board, userId });
      if (rest !== undefined) effects.push({ type: "score", game, board, userId, score: rest });
    }
  }
}
