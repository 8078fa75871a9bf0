/**
 * A leaderboard: the best score of each of the best {@link limits.leaderboardEntriesMax} players. It
 * depends on the scores alone and not on their order (unless somebody was taken off a full board), so that
 * a restored board goes on as the lost one would have.
 *
 * @module
 */
import { limits } from "../../schema/limits.ts";
import type { LeaderboardPage } from "../../schema/queries/game_queries.ts";

type Entry = readonly [userId: string, score: number];

/** Best first; equal scores by user id, so that the order is total. */
function byRank(a: Entry, b: Entry): number {
  return b[1] - a[1] || (a[0] < b[0] ? -1 : 1);
}

/** {@link byRank} of one that is no entry yet: a full board compares thousands. */
function isBelow(userId: string, score: number, [otherId, other]: Entry): boolean {
  return score < other || (score === other && userId > otherId);
}

export class Leaderboard {
  readonly #scores = new Map<string, number>();
  /** The entry that goes next, once the board is full; `undefined` when it must be looked for. */
  #lowest: Entry | undefined;

  get size(): number {
    return this.#scores.size;
  }

  /** Takes a score; false when it changes nothing. */
  offer(userId: string, score: number): boolean {
    const held = this.#scores.get(userId);
    if (held !== undefined) {
      if (score <= held) return false;
    } else if (this.#scores.size >= limits.leaderboardEntriesMax) {
      this.#lowest ??= this.#findLowest();
      if (isBelow(userId, score, this.#lowest)) return false;
      this.#scores.delete(this.#lowest[0]);
      this.#lowest = undefined;
    }
    if (this.#lowest?.[0] === userId) this.#lowest = undefined;
    this.#scores.set(userId, score);
    return true;
  }

  /**
   * Takes a user off it. A full board does not know who would come next: until he scores again there is
   * one entry less.
   */
  remove(userId: string): boolean {
    if (this.#lowest?.[0] === userId) this.#lowest = undefined;
    return this.#scores.delete(userId);
  }

  #findLowest(): Entry {
    let lowest: Entry | undefined;
    this.#scores.forEach((score, userId) => {
      if (lowest === undefined || isBelow(userId, score, lowest)) lowest = [userId, score];
    });
    return lowest!;
  }

  /** All entries, best first. */
  ranked(): [userId: string, score: number][] {
    return [...this.#scores].sort(byRank);
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

  static from(entries: readonly Entry[]): Leaderboard {
    const board = new Leaderboard();
    for (const [userId, score] of entries) board.offer(userId, score);
    return board;
  }
}
