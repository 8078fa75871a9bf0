/**
 * How much and how fast: per key, per user of a token, per address, and all together. Nothing here
 * waits: the buckets answer at once, also where nodes share them.
 *
 * An event is a token, and a read one for ten of its cost, ten at least (`read_charge.ts`). At the door
 * each request is one of its address. What would be more than a bucket holds takes all of it.
 *
 * @module
 */
import { limits } from "../../schema/limits.ts";
import { siteOf } from "../../schema/net/site.ts";
import type { Principal } from "../../schema/principal.ts";
import { dropBody } from "../capture/read_body.ts";
import { Problem } from "../problem.ts";

/** Where tokens are; the platform's own have the same shape. */
export interface RateBuckets {
  takeNow(
    key: string,
    bucket: { readonly capacity: number; readonly refillPerSecond: number },
    cost: number,
  ): { readonly allowed: boolean; readonly remaining: number; readonly retryAfterMs: number };
}

export const rateScopes = ["key", "user", "address", "global"] as const;
export type RateScope = typeof rateScopes[number];

/** Tokens a second of each scope; 0 is no limit. */
export type Rates = Readonly<Record<RateScope, number>>;

/** The two fields of draft-ietf-httpapi-ratelimit-headers, of the bucket that counts for the client. */
export interface RateFields {
  readonly policy: string;
  readonly state: string;
}

interface Policy {
  readonly scope: RateScope;
  readonly bucket: { readonly capacity: number; readonly refillPerSecond: number };
  /** `RateLimit-Policy`: the quota, and the seconds in which it comes back. */
  readonly text: string;
}

function policyOf(scope: RateScope, rate: number): Policy | undefined {
  if (rate === 0) return undefined;
  // A batch must fit, or it would be refused for good.
  const capacity = Math.max(2 * rate, limits.requestEventsMax);
  const seconds = Math.ceil(capacity / rate);
  const text = `"${scope}";q=${capacity};w=${seconds}`;
  return { scope, bucket: { capacity, refillPerSecond: rate }, text };
}

const secondsOf = (ms: number) => Math.max(1, Math.ceil(ms / 1000));

export class RateLimits {
  readonly #policies: Readonly<Record<RateScope, Policy | undefined>>;

  constructor(readonly buckets: RateBuckets, rates: Rates) {
    const [key, user, address, global] = rateScopes.map((scope) => policyOf(scope, rates[scope]));
    this.#policies = { key, user, address, global };
  }

  /** @param paid what was taken of `cost` before */
  #take(scope: RateScope, id: string, cost: number, paid = 0): RateFields | undefined {
    const policy = this.#policies[scope];
    if (policy === undefined) return undefined;
    const { capacity, refillPerSecond } = policy.bucket;
    const due = Math.min(cost, capacity) - paid;
    if (due <= 0) return undefined;
    const taken = this.buckets.takeNow(`${scope}:${id}`, policy.bucket, due);
    const seconds = Math.ceil((capacity - taken.remaining) / refillPerSecond);
    const state = `"${scope}";r=${taken.remaining};t=${seconds}`;
    if (taken.allowed) return { policy: policy.text, state };
    // Whoever comes back pays from the beginning.
    const retryAfter = secondsOf(taken.retryAfterMs + paid * 1000 / refillPerSecond);
    throw new Problem(429, "rate_limited", `Slow down: the limit per ${scope} is reached`, {
      headers: {
        "retry-after": String(retryAfter),
        "ratelimit-policy": policy.text,
        "ratelimit": `"${scope}";r=0;t=${retryAfter}`,
      },
    });
  }

  /** A request at the door. @throws {Problem} 429; the body is dropped unread */
  enter(request: Request, address: string): void {
    try {
      this.#take("address", siteOf(address), 1);
    } catch (problem) {
      dropBody(request);
      throw problem;
    }
  }

  /**
   * Events, or what a read costs, of one who is known.
   *
   * @param paid what was taken of `cost` before. @default 0
   * @returns what the answer may tell; `undefined` without a limit
   * @throws {Problem} 429
   */
  charge(principal: Principal, cost: number, paid = 0): RateFields | undefined {
    if (cost <= paid) return undefined;
    const scope = principal.userId === undefined ? "key" : "user";
    const fields = this.#take(scope, principal.id, cost, paid);
    // Last: who is beyond his own limit must not use up what is everybody's.
    this.#take("global", "", cost, paid);
    return fields;
  }
}
