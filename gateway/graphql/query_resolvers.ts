/**
 * `Query`: each field checks who asks, then asks the platform.
 *
 * @module
 */
import { limits } from "../../schema/limits.ts";
import type { EventFilter } from "../../supervisor/platform.ts";
import { assertId, readableGame } from "../access.ts";
import { profileOf } from "../live/player_identity.ts";
import { readableUser } from "../rights/rights.ts";
import type { Principal } from "../auth.ts";
import { actorId, type GraphqlContext } from "./context.ts";
import { offsetAfter, pageSize, rankCursor } from "./cursors.ts";
import { graphqlError } from "./errors.ts";

/** `EventFilter` as the client writes it, its scalars parsed. */
export interface EventFilterInput {
  readonly userId?: string | null;
  readonly gameId?: string | null;
  readonly types?: readonly string[] | null;
  readonly from?: number | null;
  readonly to?: number | null;
}

const typesMax = 100;

/** @throws {GraphQLError} `BAD_USER_INPUT` */
function assertTypes(types: readonly string[]): void {
  if (types.length > typesMax) {
    const message = `types may have at most ${typesMax} entries: got ${types.length}`;
    throw graphqlError("BAD_USER_INPUT", message);
  }
  for (const type of types) assertId("a type", type);
}

/** The filter as the platform takes it, confined to what the principal may read. */
export function eventFilter(principal: Principal, input: EventFilterInput | null): EventFilter {
  const { gameId, types, from, to } = input ?? {};
  const userId = readableUser(principal, input?.userId);
  const game = readableGame(principal, gameId);
  if (types) assertTypes(types);
  return {
    ...(typeof userId === "string" ? { userId } : {}),
    // Whoever may write may link: a link must not show a player what others' devices told.
    ...(principal.role === "player" ? { exact: true } : {}),
    ...(game === undefined ? {} : { gameId: game }),
    ...(types ? { types } : {}),
    ...(typeof from === "number" ? { from } : {}),
    ...(typeof to === "number" ? { to } : {}),
  };
}

interface PlayerArgs {
  readonly id: string;
  readonly gameId?: string | null;
  readonly asOf?: number | null;
}

interface EventsArgs {
  readonly filter?: EventFilterInput | null;
  readonly first?: number | null;
  readonly after?: string | null;
}

interface LeaderboardArgs {
  readonly gameId: string;
  readonly board: string;
  readonly first?: number | null;
  readonly after?: string | null;
}

export const queryResolvers = {
  async player(_: unknown, { id, gameId, asOf }: PlayerArgs, context: GraphqlContext) {
    readableUser(context.principal, id);
    const game = readableGame(context.principal, gameId);
    const query = { type: "profile", ...(game === undefined ? {} : { gameId: game }) } as const;
    const ask = (userId: string) =>
      context.loaders.ask("player", actorId(context, userId), query, asOf ?? undefined);
    return await profileOf(context.principal, id, ask);
  },

  game(_: unknown, { id }: { id: string }, context: GraphqlContext) {
    readableGame(context.principal, id);
    return context.loaders.ask("game", actorId(context, id), { type: "totals" });
  },

  async events(_: unknown, args: EventsArgs, context: GraphqlContext) {
    const filter = eventFilter(context.principal, args.filter ?? null);
    const first = pageSize(args.first);
    const page = await context.loaders.events(filter, first, args.after ?? undefined);
    return {
      edges: page.events.map(({ cursor, event }) => ({ cursor, node: event })),
      pageInfo: { hasNextPage: page.hasNextPage, endCursor: page.events.at(-1)?.cursor ?? null },
    };
  },

  async leaderboard(_: unknown, args: LeaderboardArgs, context: GraphqlContext) {
    readableGame(context.principal, args.gameId);
    const first = pageSize(args.first);
    const offset = offsetAfter(args.after);
    if (args.board.length > limits.idCharsMax) {
      throw graphqlError("BAD_USER_INPUT", `board may have ${limits.idCharsMax} characters`);
    }
    const query = { type: "leaderboard", board: args.board, first, offset } as const;
    const page = await context.loaders.ask("game", actorId(context, args.gameId), query);
    const edges = (page?.entries ?? []).map((entry) => ({
      cursor: rankCursor(entry.rank),
      node: entry,
    }));
    return {
      edges,
      pageInfo: {
        hasNextPage: page?.hasNextPage ?? false,
        endCursor: edges.at(-1)?.cursor ?? null,
      },
    };
  },
};
