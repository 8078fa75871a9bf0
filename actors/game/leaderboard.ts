/**
 * A leaderboard: the best score of each of the best {@link limits.leaderboardEntriesMax} players.
 *
 * @module
 */
import { limits } from "../../schema/limits.ts";
import type { LeaderboardPage } from "../../schema/game_queries.ts";

export class Leaderboard {
  readonly #scores = new Map<string, number>();
  /** The lowest score held, once the board is full. */
  #floor = -Infinity;

  get size(): number {
    return this.#scores.size;
  }

  /** Takes a score; false when it changes nothing. */
  offer(userId: string, score: number): boolean {
    const held = this.#scores.get(userId);
    if (held !== undefined ? score <= held : score <= this.#floor) return false;
    this.#scores.set(userId, score);
    if (this.#scores.size > limits.leaderboardEntriesMax) this.#dropLowest();
    return true;
  }

  #dropLowest(): void {
    const ranked = this.ranked();
    for (const [userId] of ranked.slice(limits.leaderboardEntriesMax)) this.#scores.delete(userId);
    this.#floor = ranked[limits.leaderboardEntriesMax - 1]![1];
  }

  /** Best first; equal scores by user id, so that the order is total. */
  ranked(): [userId: string, score: number][] {
    return [...this.#scores].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
  }

  page(offset: number, first: number): LeaderboardPage {
    const ranked = this.ranked();
    const entries = ranked.slice(offset, offset + first).map(([userId, score], i) => ({
      rank: offset + i + 1,
      userId,
      score,
    }));
    return { entries, hasNextPage: offset + first < ranked.length };
  }

  static from(entries: readonly [string, number][]): Leaderboard {
    const board = new Leaderboard();
    for (const [userId, score] of entries) board.offer(userId, score);
    if (board.size === limits.leaderboardEntriesMax) board.#dropLowest();
    return board;
  }
}
