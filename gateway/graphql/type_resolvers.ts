/**
 * The fields of `Player`, `Game` and `DayMetrics` that are not simply there.
 *
 * @module
 */
import type { DayMetrics, GameTotals } from "../../schema/queries/game_queries.ts";
import { limits } from "../../schema/limits.ts";
import type { PlayerProfile, RevenueMinor } from "../../schema/queries/player_queries.ts";
import { show } from "../../schema/rejection.ts";
import { actorId, type GraphqlContext } from "./context.ts";
import { graphqlError } from "./errors.ts";

interface CurrencyArgs {
  readonly currency?: string | null;
}

/** Revenue in one currency, 0 when there was none in it. */
function revenueIn(revenue: RevenueMinor, { currency }: CurrencyArgs): number {
  const code = currency ?? "USD";
  if (!/^[A-Z]{3}$/.test(code)) {
    const expected = "an ISO 4217 code of three capital letters such as EUR";
    throw graphqlError("BAD_USER_INPUT", `currency must be ${expected}: got ${show(currency)}`);
  }
  return Object.hasOwn(revenue, code) ? revenue[code]! : 0;
}

/** Average revenue per daily active user, in minor units; 0 on a day without players. */
function arpdau(day: DayMetrics, args: CurrencyArgs): number {
  return day.dau === 0 ? 0 : revenueIn(day.revenueMinor, args) / day.dau;
}

/** Counts by type, the most frequent first. */
function typeCounts(counts: Readonly<Record<string, number>>) {
  return Object.entries(counts)
    .map(([type, count]) => ({ type, count }))
    .sort((a, b) => b.count - a.count || (a.type < b.type ? -1 : 1));
}

interface DaysArgs {
  /** Days since the Unix epoch. */
  readonly from: number;
  readonly to: number;
}

async function days(game: GameTotals, { from, to }: DaysArgs, context: GraphqlContext) {
  if (to < from) throw graphqlError("BAD_USER_INPUT", "days needs from <= to");
  const asked = to - from + 1;
  if (asked > limits.gameDaysMax) {
    const message = `days spans at most ${limits.gameDaysMax} days: asked for ${asked}`;
    throw graphqlError("BAD_USER_INPUT", message);
  }
  const query = { type: "days", from, to } as const;
  return await context.loaders.ask("game", actorId(context, game.id), query) ?? [];
}

export const typeResolvers = {
  Player: {
    aliases: (player: PlayerProfile) => player.aliases ?? [],
    revenueMinor: (player: PlayerProfile, args: CurrencyArgs) =>
      revenueIn(player.revenueMinor, args),
    eventCounts: (player: PlayerProfile) => typeCounts(player.eventCounts),
  },
  Game: {
    dau: (game: GameTotals) => game.today.dau,
    wau: (game: GameTotals) => game.today.wau,
    mau: (game: GameTotals) => game.today.mau,
    newPlayersToday: (game: GameTotals) => game.today.newPlayers,
    revenueMinor: (game: GameTotals, args: CurrencyArgs) => revenueIn(game.revenueMinor, args),
    arpdau: (game: GameTotals, args: CurrencyArgs) => arpdau(game.today, args),
    eventCounts: (game: GameTotals) => typeCounts(game.eventCounts),
    days,
  },
  DayMetrics: {
    revenueMinor: (day: DayMetrics, args: CurrencyArgs) => revenueIn(day.revenueMinor, args),
    arpdau,
  },
};
