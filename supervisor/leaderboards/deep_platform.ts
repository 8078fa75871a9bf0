/**
 * A platform whose leaderboards go on behind the game actor's best.
 *
 * @module
 */
import type { Boards } from "../cache/cache.ts";
import type { ActorKind, Answer, AskMap, Platform } from "../platform.ts";
import { type AskBoard, type BoardQuery, leaderboardPage } from "./deep_pages.ts";

function isBoardQuery(query: { readonly type: string }): query is BoardQuery {
  return query.type === "leaderboard";
}

/** The same platform in all but live questions for leaderboards. */
export function withDeepLeaderboards(platform: Platform, boards: Boards): Platform {
  return {
    accept: (events) => platform.accept(events),
    reject: (letters) => platform.reject(letters),
    async ask<K extends ActorKind, Q extends AskMap[K]["query"]>(
      kind: K,
      id: string,
      query: Q,
      asOf?: number,
    ): Promise<Answer<K, Q> | null> {
      // What was long ago the cache does not know.
      if (kind !== "game" || asOf !== undefined || !isBoardQuery(query)) {
        return await platform.ask(kind, id, query, asOf);
      }
      const ask: AskBoard = (query) => platform.ask("game", id, query);
      return await leaderboardPage(id, query, ask, boards) as Answer<K, Q> | null;
    },
    events: (...query) => platform.events(...query),
    watch: (watch, signal) => platform.watch(watch, signal),
    health: () => platform.health(),
  };
}
