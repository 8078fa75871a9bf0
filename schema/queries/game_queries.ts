/**
 * What a game actor can be asked, and the answers. Pure data: they cross workers and nodes.
 *
 * @module
 */
import type { RevenueMinor } from "./player_queries.ts";

export type GameQuery =
  /** The game's live totals. */
  | { readonly type: "totals" }
  /** Day metrics of `from` to `to`, both inclusive, as days since the Unix epoch; at most 400 days. */
  | { readonly type: "days"; readonly from: number; readonly to: number }
  /** Entries of a leaderboard, best first, after the first `offset`. */
  | {
    readonly type: "leaderboard";
    readonly board: string;
    readonly first: number;
    readonly offset: number;
  };

export interface GameAnswers {
  totals: GameTotals;
  days: readonly DayMetrics[];
  leaderboard: LeaderboardPage;
}

export interface GameTotals {
  /** The game id, without its studio. */
  readonly id: string;
  readonly eventsTotal: number;
  /** Mean over the last 10 s by arrival. */
  readonly eventsPerSecond: number;
  /** Sessions open now. */
  readonly ccu: number;
  readonly today: DayMetrics;
  readonly revenueMinor: RevenueMinor;
  readonly eventCounts: Readonly<Record<string, number>>;
}

/** The metrics of one UTC event day. */
export interface DayMetrics {
  /** Days since the Unix epoch. */
  readonly day: number;
  readonly events: number;
  /** Distinct players with an event on the 1, 7, 30 days ending here. */
  readonly dau: number;
  readonly wau: number;
  readonly mau: number;
  /** Players whose first applied event in this game fell on this day. */
  readonly newPlayers: number;
  /** Sessions whose first applied event fell on this day. */
  readonly sessions: number;
  readonly revenueMinor: RevenueMinor;
  /** Distinct players with a purchase on this day. */
  readonly payers: number;
}

export interface LeaderboardPage {
  readonly entries: readonly {
    readonly rank: number;
    readonly userId: string;
    readonly score: number;
  }[];
  readonly hasNextPage: boolean;
}
