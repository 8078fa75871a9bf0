/**
 * What a resolver may use: the platform, seen through one principal.
 *
 * @module
 */
import type { Platform } from "../../supervisor/platform.ts";
import type { Principal } from "../auth.ts";
import type { Subscriptions } from "../live/subscriptions.ts";
import { Loaders } from "./loaders.ts";

/** One per operation. */
export interface GraphqlContext {
  readonly principal: Principal;
  readonly platform: Platform;
  readonly subscriptions: Pick<Subscriptions, "iterate">;
  readonly loaders: Loaders;
  /** Milliseconds since the Unix epoch. */
  readonly now: () => number;
}

/** The actor id of something a client named, which is always within its own studio. */
export function actorId(context: GraphqlContext, id: string): string {
  return `${context.principal.studio}/${id}`;
}

export function createContext(
  principal: Principal,
  platform: Platform,
  subscriptions: GraphqlContext["subscriptions"],
  now: () => number = Date.now,
): GraphqlContext {
  const loaders = new Loaders(platform, principal.studio);
  return { principal, platform, subscriptions, loaders, now };
}
