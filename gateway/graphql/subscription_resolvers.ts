/**
 * `Subscription`: each watches the platform, and asks the actor anew after its commits.
 *
 * @module
 */
import type { GameTotals } from "../../schema/game_queries.ts";
import { limits } from "../../schema/limits.ts";
import type { PlayerProfile } from "../../schema/player_queries.ts";
import type { RecordedEvent } from "../../supervisor/platform.ts";
import { readableGame } from "../access.ts";
import { actorId, type GraphqlContext } from "./context.ts";
import { graphqlError } from "./errors.ts";
import { eventFilter, type EventFilterInput } from "./query_resolvers.ts";

/** Waits `ms`, or until the signal aborts. */
function delay(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener("abort", done);
  });
}

async function* playerUpdates(
  context: GraphqlContext,
  id: string,
  gameId: string | undefined,
  signal: AbortSignal,
): AsyncGenerator<PlayerProfile> {
  const actor = actorId(context, id);
  const query = { type: "profile", ...(gameId === undefined ? {} : { gameId }) } as const;
  const watch = { type: "actor", kind: "player", id: actor } as const;
  for await (const _ of context.platform.watch(watch, signal)) {
    const profile = await context.platform.ask("player", actor, query);
    if (signal.aborted) return;
    if (profile !== null) yield profile;
  }
}

async function* gameUpdates(
  context: GraphqlContext,
  id: string,
  everyMs: number,
  signal: AbortSignal,
): AsyncGenerator<GameTotals> {
  const actor = actorId(context, id);
  let nextAt = 0;
  for await (
    const _ of context.platform.watch({ type: "actor", kind: "game", id: actor }, signal)
  ) {
    // The first change is sent at once; those that come during the wait arrive as one.
    await delay(Math.max(0, nextAt - performance.now()), signal);
    if (signal.aborted) return;
    nextAt = performance.now() + everyMs;
    const totals = await context.platform.ask("game", actor, { type: "totals" });
    if (totals !== null) yield totals;
  }
}

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
      const gameId = readableGame(context.principal);
      return context.subscriptions.iterate((signal) => playerUpdates(context, id, gameId, signal));
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
      return context.subscriptions.iterate((signal) => gameUpdates(context, id, period, signal));
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
