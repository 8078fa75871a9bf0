/**
 * The player: who counts each event once and knows what is new about it. It tells its games exact
 * deltas, so that their metrics are sums and nobody ever scans.
 *
 * @module
 */
import { dayOf, internalType, isInternal, type PlayerEvent } from "../../schema/event.ts";
import { InvalidInput } from "../../schema/errors.ts";
import { fingerprintHex } from "../../schema/hash.ts";
import { limits } from "../../schema/limits.ts";
import type { PlayerAnswers, PlayerQuery } from "../../schema/queries/player_queries.ts";
import type { Behaviour, Effect, MessageContext } from "../kernel/behaviour.ts";
import { playerProfile } from "./player_profile.ts";
import {
  decodePlayer,
  encodePlayer,
  newPlayer,
  newPlayerGame,
  playerBytes,
  type PlayerGame,
  type PlayerState,
  setIn,
} from "./player_state.ts";
import { armSessionTimer, expireSessions, stepSession } from "./sessions.ts";

/** Types beyond {@link limits.eventTypesPerActorMax} are counted together under this name. */
export const otherTypes = "(other)";

/** Windows of the forward-dated activity metrics, in days. */
const wauDays = 7;
const mauDays = 30;

export const player: Behaviour<
  PlayerState,
  PlayerEvent,
  PlayerQuery,
  PlayerAnswers[PlayerQuery["type"]]
> = {
  kind: "player",
  version: 1,
  durability: "journal",
  create: newPlayer,
  receive(state, event, ctx) {
    if (!isInternal(event)) return receiveEvent(state, event, ctx);
    // It watches nobody, so nothing else of the platform's is for it.
    if (event.event_type !== internalType.timer) return undefined;
    return receiveTimer(state, event, ctx);
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
  if (state.timerDueAt !== event.properties["due_at"]) return undefined;
  const effects: Effect[] = [];
  state.timerDueAt = null;
  expireSessions(state, Math.max(ctx.now, event.timestamp), event.studio, effects);
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
  refuseWhatWouldGrowWithoutEnd(state, event);
  if (!state.ring.add(event.event_id)) return undefined;
  const effects: Effect[] = [];
  const day = dayOf(event.timestamp);
  const gameId = `${event.studio}/${event.game_id}`;
  let game = state.games.get(event.game_id);
  if (game === undefined) {
    game = newPlayerGame(day, event.timestamp);
    state.games.set(event.game_id, game);
    effects.push({ type: "delta", game: gameId, metric: "new_players", by: 1, day });
  }
  expireSessions(state, ctx.now, event.studio, effects);
  const step = stepSession(state, event, ctx, effects);
  armSessionTimer(state, effects);
  if (step.started) {
    game.sessions++;
    effects.push({ type: "delta", game: gameId, metric: "sessions", by: 1, day });
  }
  game.playMs += step.grownMs;
  game.firstSeen = Math.min(game.firstSeen, event.timestamp);
  game.lastSeen = Math.max(game.lastSeen, event.timestamp);
  countEvent(game, gameId, event.event_type, day, effects);
  markActive(game, gameId, day, effects);
  countMoney(game, gameId, event, day, effects);
  countProgress(game, gameId, event, effects);
  return effects;
}

/** Checked before anything is changed, so that a refused event leaves no trace. */
function refuseWhatWouldGrowWithoutEnd(state: PlayerState, event: PlayerEvent): void {
  const game = state.games.get(event.game_id);
  if (game === undefined && state.games.size >= limits.gamesPerPlayerMax) {
    throw new InvalidInput(
      "too_many_games",
      `Cannot count game '${event.game_id}' as the player has ${state.games.size} games already`,
      "game_id",
    );
  }
  const currency = event.properties["currency"];
  if (
    event.event_type === "purchase" && typeof currency === "string" &&
    game !== undefined && !game.revenue.has(currency) &&
    game.revenue.size >= limits.currenciesPerActorMax
  ) {
    throw new InvalidInput(
      "too_many_currencies",
      `Cannot count currency '${currency}' as the player has paid in ${game.revenue.size} already`,
      "properties.currency",
    );
  }
}

function countEvent(
  game: PlayerGame,
  gameId: string,
  eventType: string,
  day: number,
  effects: Effect[],
): void {
  const known = game.counts.has(eventType) || game.counts.size < limits.eventTypesPerActorMax;
  const name = known ? eventType : otherTypes;
  game.events++;
  setIn(game, "counts", name, (game.counts.get(name) ?? 0) + 1);
  effects.push({ type: "delta", game: gameId, metric: "events", by: 1, day });
  effects.push({ type: "delta", game: gameId, metric: `type:${name}`, by: 1 });
}

/** A newly active day counts into its own DAU and into every window not covered by another day. */
function markActive(game: PlayerGame, gameId: string, day: number, effects: Effect[]): void {
  if (game.activeDays.has(day)) return;
  effects.push({ type: "delta", game: gameId, metric: "dau", by: 1, day });
  for (const [metric, length] of [["wau", wauDays], ["mau", mauDays]] as const) {
    const { from, to } = game.activeDays.newlyCovered(day, length);
    if (from > to) continue;
    effects.push({ type: "delta", game: gameId, metric, by: 1, day: from, through: to });
  }
  game.activeDays.add(day);
}

function countMoney(
  game: PlayerGame,
  gameId: string,
  event: PlayerEvent,
  day: number,
  effects: Effect[],
): void {
  if (event.event_type !== "purchase") return;
  const { amount, currency } = event.properties;
  if (typeof amount !== "number" || typeof currency !== "string") return;
  setIn(game, "revenue", currency, (game.revenue.get(currency) ?? 0) + amount);
  effects.push({ type: "delta", game: gameId, metric: `revenue:${currency}`, by: amount, day });
  if (game.payingDays.add(day)) {
    effects.push({ type: "delta", game: gameId, metric: "payers", by: 1, day });
  }
}

function countProgress(
  game: PlayerGame,
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
  const best = game.best.get(name);
  if (best !== undefined ? score <= best : game.best.size >= limits.leaderboardsPerGameMax) return;
  setIn(game, "best", name, score);
  effects.push({ type: "score", game: gameId, board: name, userId: event.user_id, score });
}

/** A number as JSON keeps it: −0 would come back from a snapshot as 0 and change the state's hash. */
function numberOf(value: unknown): number | undefined {
  return typeof value === "number" ? value + 0 : undefined;
}
