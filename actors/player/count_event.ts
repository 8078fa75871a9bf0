/**
 * What an event is to one of the parts of a player: counted, and told to its game as exact deltas.
 *
 * @module
 */
import { InvalidInput } from "../../schema/errors.ts";
import { dayOf, gameActorId, type PlayerEvent } from "../../schema/event.ts";
import { limits } from "../../schema/limits.ts";
import { remembered } from "../../schema/memory/remembered.ts";
import type { Effect, MessageContext } from "../kernel/behaviour.ts";
import {
  bestOf,
  cohortDayOf,
  gamesOf,
  hasDay,
  type NamedPart,
  pushActiveDay,
  pushCohort,
} from "./merge/union.ts";
import { addTo, numberIn, setNumber, sizeOf } from "./named_numbers.ts";
import { addPayingDay, newPlayerGame, type PlayerGame } from "./player_game.ts";
import type { PlayerPart } from "./player_part.ts";
import { expireSessions, stepSession } from "./sessions.ts";

/** Types beyond {@link limits.eventTypesPerActorMax} are counted together under this name. */
export const otherTypes = "(other)";

/** The same string for the same name, as of {@link gameActorId}. */
const typeMetric = remembered((type) => `type:${type}`, limits.eventTypesPerActorMax);
const revenueMetric = remembered((currency) => `revenue:${currency}`, limits.currenciesPerActorMax);

/** Nobody else is this player. */
export const alone: readonly NamedPart[] = [];

/**
 * Counts an event, which must not have been refused by {@link refuseWhatWouldGrowWithoutEnd}.
 *
 * @param id the user id that the part is of
 * @param others the parts of his other user ids
 * @param event with the `user_id` that he is known by to leaderboards
 * @param ctx `now` is when the event arrived
 */
export function countEvent(
  part: PlayerPart,
  id: string,
  others: readonly NamedPart[],
  event: PlayerEvent,
  ctx: MessageContext,
  effects: Effect[],
): void {
  const day = dayOf(event.timestamp);
  const gameId = gameActorId(event.studio, event.game_id);
  const game = gameOf(part, id, others, event, Math.floor(ctx.now), effects);
  const others_ = gamesOf(others, event.game_id);
  expireSessions(part, ctx.now, event.studio, effects);
  const step = stepSession(part, event, ctx, effects);
  if (step.started) {
    game.sessions++;
    effects.push({ type: "delta", game: gameId, metric: "sessions", by: 1, day });
  }
  game.playMs += step.grownMs;
  game.firstSeen = Math.min(game.firstSeen, event.timestamp);
  game.lastSeen = Math.max(game.lastSeen, event.timestamp);
  countType(game, gameId, event.event_type, day, effects);
  markActive(game, others_, gameId, day, effects);
  countMoney(game, others_, gameId, event, day, effects);
  countProgress(game, others_, gameId, event, effects);
}

/** The part's game; its first event by arrival says in which cohort the player is. */
function gameOf(
  part: PlayerPart,
  id: string,
  others: readonly NamedPart[],
  { studio, game_id, timestamp }: PlayerEvent,
  arrival: number,
  effects: Effect[],
): PlayerGame {
  const found = part.games.get(game_id);
  // Later ones may come first when a merge is undone.
  if (found !== undefined && arrival >= found.firstArrival) return found;
  const parts = others.length === 0 ? alone : [...others, { id, part }];
  const day = dayOf(timestamp);
  const before = others.length === 0 ? found?.cohortDay : cohortDayOf(parts, game_id);
  const game = found ?? newPlayerGame(day, timestamp, arrival);
  part.games.set(game_id, game);
  game.cohortDay = day;
  game.firstArrival = arrival;
  const after = others.length === 0 ? day : cohortDayOf(parts, game_id);
  pushCohort(gameActorId(studio, game_id), before, after, effects);
  return game;
}

/**
 * Checked before anything is changed, so that a refused event leaves no trace.
 *
 * @throws {InvalidInput} `too_many_games`, `too_many_currencies`
 */
export function refuseWhatWouldGrowWithoutEnd(part: PlayerPart, event: PlayerEvent): void {
  const game = part.games.get(event.game_id);
  if (game === undefined && part.games.size >= limits.gamesPerPlayerMax) {
    throw new InvalidInput(
      "too_many_games",
      `Cannot count game '${event.game_id}' as the player has ${part.games.size} games already`,
      "game_id",
    );
  }
  const currency = event.properties["currency"];
  if (
    event.event_type === "purchase" && typeof currency === "string" &&
    game !== undefined && sizeOf(game.revenue) >= limits.currenciesPerActorMax &&
    numberIn(game.revenue, currency) === undefined
  ) {
    const paid = sizeOf(game.revenue);
    throw new InvalidInput(
      "too_many_currencies",
      `Cannot count currency '${currency}' as the player has paid in ${paid} already`,
      "properties.currency",
    );
  }
}

function countType(
  game: PlayerGame,
  gameId: string,
  eventType: string,
  day: number,
  effects: Effect[],
): void {
  const known = sizeOf(game.counts) < limits.eventTypesPerActorMax ||
    numberIn(game.counts, eventType) !== undefined;
  const name = known ? eventType : otherTypes;
  game.events++;
  game.counts = addTo(game.counts, name, 1);
  effects.push({ type: "delta", game: gameId, metric: "events", by: 1, day });
  effects.push({ type: "delta", game: gameId, metric: typeMetric(name), by: 1 });
}

/** A newly active day counts into its own DAU and into every window not covered by another day. */
function markActive(
  game: PlayerGame,
  others: readonly PlayerGame[],
  gameId: string,
  day: number,
  effects: Effect[],
): void {
  if (game.activeDays.has(day)) return;
  if (others.length === 0) pushActiveDay(game.activeDays, gameId, day, 1, effects);
  else if (!hasDay(others, "activeDays", day)) {
    const games = [game, ...others];
    const days = { has: (other: number) => hasDay(games, "activeDays", other) };
    pushActiveDay(days, gameId, day, 1, effects);
  }
  game.activeDays.add(day);
}

function countMoney(
  game: PlayerGame,
  others: readonly PlayerGame[],
  gameId: string,
  event: PlayerEvent,
  day: number,
  effects: Effect[],
): void {
  if (event.event_type !== "purchase") return;
  const { amount, currency } = event.properties;
  if (typeof amount !== "number" || typeof currency !== "string") return;
  game.revenue = addTo(game.revenue, currency, amount);
  effects.push({ type: "delta", game: gameId, metric: revenueMetric(currency), by: amount, day });
  if (addPayingDay(game, day) && !hasDay(others, "payingDays", day)) {
    effects.push({ type: "delta", game: gameId, metric: "payers", by: 1, day });
  }
}

function countProgress(
  game: PlayerGame,
  others: readonly PlayerGame[],
  gameId: string,
  event: PlayerEvent,
  effects: Effect[],
): void {
  const { board } = event.properties;
  const level = numberOf(event.properties["level"]);
  const score = numberOf(event.properties["score"]);
  if (level !== undefined && event.event_type.startsWith("level.")) {
    if (game.level === null || level > game.level) game.level = level;
  }
  if (score === undefined) return;
  const name = typeof board === "string" ? board : "score";
  // A name that is no name would only fill the memory.
  if (name.length > limits.idCharsMax) return;
  const best = numberIn(game.best, name);
  if (best === undefined ? sizeOf(game.best) >= limits.leaderboardsPerGameMax : score <= best) {
    return;
  }
  game.best = setNumber(game.best, name, score);
  const known = bestOf(others, name);
  if (known !== undefined && score <= known) return;
  effects.push({ type: "score", game: gameId, board: name, userId: event.user_id, score });
}

/** A number as JSON keeps it: −0 would come back from a snapshot as 0 and change the state's hash. */
function numberOf(value: unknown): number | undefined {
  return typeof value === "number" ? value + 0 : undefined;
}
