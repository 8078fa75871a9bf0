/**
 * Ann and an id that she had before, for tests of merges.
 *
 * @module
 */
import type { PlayerEvent } from "../../schema/event.ts";
import { DAY_MS } from "../../schema/limits.ts";
import { today } from "./player_harness.ts";
import { PlayerRouter } from "./player_router.ts";

/** At the beginning of a day. */
export function onDay(day: number): Pick<PlayerEvent, "timestamp"> {
  return { timestamp: day * DAY_MS };
}

export function purchase(amount: number): Pick<PlayerEvent, "event_type" | "properties"> {
  return { event_type: "purchase", properties: { amount, currency: "USD" } };
}

/** The metrics of a day that a game adds up to; those that are 0 are left out. */
export function dayOf(router: PlayerRouter, day: number, game = "g"): Record<string, number> {
  return Object.fromEntries(Object.entries(router.day(game, day)).filter(([, n]) => n !== 0));
}

/** Both have played the same day and another one each. */
export function annAndAnon(): PlayerRouter {
  const r = new PlayerRouter();
  r.event({ user_id: "anon", ...onDay(today - 1), ...purchase(100) });
  r.event({ user_id: "anon", ...onDay(today), ...purchase(50) });
  r.now++;
  r.event({ user_id: "ann", ...onDay(today), ...purchase(7) });
  r.event({ user_id: "ann", ...onDay(today + 1) });
  return r;
}
