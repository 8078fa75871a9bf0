/**
 * What a resolver may use: the platform, seen through one principal.
 *
 * @module
 */
import type { PlayerProfile } from "../../schema/queries/player_queries.ts";
import type { Platform } from "../../supervisor/platform.ts";
import type { Principal } from "../auth.ts";
import type { Subscriptions } from "../live/subscriptions.ts";

/** One per operation. */
export interface GraphqlContext {
  readonly principal: Principal;
  readonly platform: Platform;
  readonly subscriptions: Subscriptions;
  /** A player's profile; the same player is asked once in an operation. */
  readonly player: (
    id: string,
    gameId: string | undefined,
    asOf: number | undefined,
  ) => Promise<PlayerProfile | null>;
}

/** The actor id of something a client named, which is always within its own studio. */
export function actorId(context: GraphqlContext, id: string): string {
  return `${context.principal.studio}/${id}`;
}

export function createContext(
  principal: Principal,
  platform: Platform,
  subscriptions: Subscriptions,
): GraphqlContext {
  const asked = new Map<string, Promise<PlayerProfile | null>>();
  const context: GraphqlContext = {
    principal,
    platform,
    subscriptions,
    player: (id, gameId, asOf) => {
      const key = JSON.stringify([id, gameId, asOf]);
      let answer = asked.get(key);
      if (answer === undefined) {
        const query = { type: "profile", ...(gameId === undefined ? {} : { gameId }) } as const;
        answer = platform.ask("player", actorId(context, id), query, asOf);
        asked.set(key, answer);
      }
      return answer;
    },
  };
  return context;
}
