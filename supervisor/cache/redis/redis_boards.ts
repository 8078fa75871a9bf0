/**
 * Long leaderboards in sorted sets. Scores are kept negated: then the order of the set, by score and
 * among equals by the bytes of the id, is the board's.
 *
 * @module
 */
import { limits } from "../../../schema/limits.ts";
import type { BoardPage, Boards } from "../cache.ts";
import type { RedisLink } from "./redis_link.ts";

/** Scores in one command: a thousand take Redis about a millisecond. */
const scoresPerCall = 1000;

export class RedisBoards implements Boards {
  readonly #entriesMax: number;

  /** @param entriesMax of a board. @default limits.cachedBoardEntriesMax */
  constructor(readonly link: RedisLink, entriesMax: number = limits.cachedBoardEntriesMax) {
    this.#entriesMax = entriesMax;
  }

  #key(board: string): string {
    return `${this.link.prefix}board:${board}`;
  }

  async offer(board: string, scores: ReadonlyMap<string, number>): Promise<void> {
    const key = this.#key(board);
    const entries = [...scores];
    for (let i = 0; i < entries.length; i += scoresPerCall) {
      const members = entries.slice(i, i + scoresPerCall)
        .flatMap(([userId, score]) => [String(-score), userId]);
      await this.link.run("offer", async (redis) => {
        // Sent together; the board is too long for a moment at most.
        await Promise.all([
          redis.zadd(key, "LT", ...members),
          redis.zremrangebyrank(key, this.#entriesMax, -1),
        ]);
      });
    }
  }

  async page(board: string, offset: number, first: number): Promise<BoardPage> {
    const key = this.#key(board);
    const [flat, size] = await this.link.run("page", (redis) =>
      Promise.all([
        first === 0 ? [] : redis.zrange(key, offset, String(offset + first - 1), "WITHSCORES"),
        redis.zcard(key),
      ]));
    const entries = [];
    for (let i = 0; i < flat.length; i += 2) {
      entries.push({ rank: offset + i / 2 + 1, userId: flat[i]!, score: 0 - Number(flat[i + 1]) });
    }
    return { entries, size };
  }

  async remove(board: string): Promise<void> {
    await this.link.run("remove", (redis) => redis.del(this.#key(board)));
  }
}
