/**
 * What a resolver may use: the platform, seen through one principal.
 *
 * @module
 */
import type { Platform } from "../../supervisor/platform.ts";
import type { Principal } from "../auth.ts";
import type { RateLimits } from "../limits/rate_limits.ts";
import { type PageBudget, PageLease } from "../limits/page_budget.ts";
import { ReadCharge } from "../limits/read_charge.ts";
import type { Subscriptions } from "../live/subscriptions.ts";
import { Loaders } from "./loaders.ts";

/** One per operation. */
export interface GraphqlContext {
  readonly principal: Principal;
  readonly platform: Platform;
  readonly subscriptions: Pick<Subscriptions, "iterate">;
  readonly loaders: Loaders;
  /** What the operation pays. */
  readonly charge: ReadCharge;
  /** What it holds of pages of events. */
  readonly pages: PageLease;
  /** Milliseconds since the Unix epoch. */
  readonly now: () => number;
}

/** The actor id of something a client named, which is always within its own studio. */
export function actorId(context: GraphqlContext, id: string): string {
  return `${context.principal.studio}/${id}`;
}

/** What all operations have in common. */
export interface ContextDeps extends Pick<GraphqlContext, "platform" | "subscriptions" | "now"> {
  /** `undefined`: nobody is limited. */
  readonly rates: RateLimits | undefined;
  /** The node's. */
  readonly pageBudget: PageBudget;
}

export function createContext(principal: Principal, deps: ContextDeps): GraphqlContext {
  const { platform, subscriptions, now, rates, pageBudget } = deps;
  const pages = new PageLease(pageBudget, principal.id);
  const loaders = new Loaders(platform, principal.studio, pages);
  const charge = new ReadCharge(rates, principal);
  return { principal, platform, subscriptions, loaders, charge, pages, now };
}
