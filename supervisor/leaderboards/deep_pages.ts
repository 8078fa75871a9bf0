/**
 * Pages of a leaderboard: the best from the game actor, which is exact; what lies behind them from
 * the long boards in the cache, as far as those know it. A cache that was emptied gets the best back
 * from the actor at once, and the others as they score again.
 *
 * @module
 */
import { Unavailable } from "../../schema/errors.ts";
import type { GameQuery, LeaderboardPage } from "../../schema/queries/game_queries.ts";
import { limits } from "../../schema/limits.ts";
import type { Boards } from "../cache/cache.ts";
import { boardKey } from "./scored_stage.ts";

export type BoardQuery = Extract<GameQuery, { type: "leaderboard" }>;

/** Asks the game actor; `null`: there is no such game. */
export type AskBoard = (query: BoardQuery) => Promise<LeaderboardPage | null>;

const actorMax = limits.leaderboardEntriesMax;

/** Gives a board that was emptied, or is behind, the actor's entries. */
async function refill(key: string, query: BoardQuery, ask: AskBoard, boards: Boards) {
  const best = await ask({ ...query, offset: 0, first: actorMax });
  await boards.offer(key, new Map(best?.entries.map(({ userId, score }) => [userId, score])));
}

/**
 * The page of a query, from wherever it is.
 *
 * @param game `studio/game_id`
 * @throws what `ask` throws; without the cache the answer is the actor's own
 */
export async function leaderboardPage(
  game: string,
  query: BoardQuery,
  ask: AskBoard,
  boards: Boards,
): Promise<LeaderboardPage | null> {
  const { offset, first } = query;
  const page = await ask(query);
  // The actor knows what follows unless its own board ends here.
  if (page === null || offset + first < actorMax) return page;
  const edge = await ask({ ...query, offset: actorMax - 1, first: 1 });
  const last = edge?.entries[0];
  if (last === undefined) return page;
  try {
    const key = boardKey(game, query.board);
    const [same] = (await boards.page(key, actorMax - 1, 1)).entries;
    if (same === undefined || same.score < last.score) await refill(key, query, ask, boards);
    const from = Math.max(offset, actorMax);
    const deep = await boards.page(key, from, offset + first - from);
    return {
      entries: [...page.entries, ...deep.entries],
      hasNextPage: offset + first < deep.size,
    };
  } catch (error) {
    if (error instanceof Unavailable) return page;
    throw error;
  }
}
