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
import { profileChanges } from "../live/player_identity.ts";
import { actorId, type GraphqlContext } from "./context.ts";
import { graphqlError } from "./errors.ts";
import { eventFilter, type EventFilterInput } from "./query_resolvers.ts";

async function* events(
  context: GraphqlContext,
  filter: ReturnType<typeof eventFilter>,
  signal: AbortSignal,
): AsyncGenerator<RecordedEvent> {
  const watch = { type: "events", studio: context.principal.studio, filter } as const;
  for await (const event of context.platform.watch(watch, signal)) {
    if (signal.aborted) return;
    if (event !== null) yield event;
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
      { filter }: { filter?: EventFilterInput | null },
      context: GraphqlContext,
    ) {
      const confined = eventFilter(context.principal, filter ?? null);
      return context.subscriptions.iterate((signal) => events(context, confined, signal));
    },
    resolve,
  },
};
