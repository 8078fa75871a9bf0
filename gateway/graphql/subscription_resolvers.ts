/**
 * `Subscription`: each watches the platform, and asks the actor anew after its commits.
 *
 * @module
 */
import { limits } from "../../schema/limits.ts";
import type { RecordedEvent } from "../../supervisor/platform.ts";
import { readableGame } from "../access.ts";
import { readableUser } from "../rights/rights.ts";
import { actorChanges } from "../live/actor_changes.ts";
import { eventFeed, EventGap, gapText } from "../live/event_feed.ts";
import { profileChanges } from "../live/player_identity.ts";
import { actorId, type GraphqlContext } from "./context.ts";
import { Problem } from "../problem.ts";
import { graphqlError } from "./errors.ts";
import { eventFilter, type EventFilterInput } from "./query_resolvers.ts";

async function* events(
  context: GraphqlContext,
  filter: ReturnType<typeof eventFilter>,
  since: number | undefined,
  signal: AbortSignal,
): AsyncGenerator<RecordedEvent> {
  const { platform, principal, now, charge, pages } = context;
  const beforePage = () => charge.more(limits.graphqlPageCost);
  const options = { since, now, beforePage, pages };
  try {
    yield* eventFeed(platform, principal.studio, filter, signal, options);
  } catch (error) {
    if (error instanceof Problem) {
      throw graphqlError(error.status === 429 ? "RATE_LIMITED" : "UNAVAILABLE", error.detail);
    }
    if (!(error instanceof EventGap)) throw error;
    throw graphqlError("GAP", gapText(error), { from: new Date(error.from).toISOString() });
  }
}

/** What the source stream yields is the value of the field. */
const resolve = (value: unknown) => value;

export const subscriptionResolvers = {
  playerUpdated: {
    subscribe(_: unknown, { id }: { id: string }, context: GraphqlContext) {
      readableUser(context.principal, id);
      const gameId = readableGame(context.principal);
      const query = { type: "profile", ...(gameId === undefined ? {} : { gameId }) } as const;
      return context.subscriptions.iterate((signal) =>
        profileChanges(context.platform, context.principal, id, query, signal)
      );
    },
    resolve,
  },
  gameUpdated: {
    subscribe(
      _: unknown,
      { id, everyMs }: { id: string; everyMs?: number | null },
      context: GraphqlContext,
    ) {
      readableGame(context.principal, id);
      const { gameUpdatedMsMin: min, gameUpdatedMsMax: max } = limits;
      const period = everyMs ?? 1000;
      if (period < min || period > max) {
        throw graphqlError("BAD_USER_INPUT", `everyMs must be ${min} to ${max}: got ${period}`);
      }
      const query = { type: "totals" } as const;
      return context.subscriptions.iterate((signal) =>
        actorChanges(context.platform, "game", actorId(context, id), query, signal, {
          everyMs: period,
        })
      );
    },
    resolve,
  },
  eventStream: {
    subscribe(
      _: unknown,
      { filter, since }: { filter?: EventFilterInput | null; since?: number | null },
      context: GraphqlContext,
    ) {
      const confined = eventFilter(context.principal, filter ?? null);
      return context.subscriptions.iterate((signal) =>
        events(context, confined, since ?? undefined, signal)
      );
    },
    resolve,
  },
};
