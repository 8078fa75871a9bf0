/**
 * Buckets that fill again, for tests: those of the platform are another room's.
 *
 * @module
 */
import type { RateBuckets } from "../limits/rate_limits.ts";

/** @param now milliseconds */
export function fillingBuckets(now: () => number): RateBuckets {
  const buckets = new Map<string, { readonly tokens: number; readonly at: number }>();
  return {
    takeNow(key, { capacity, refillPerSecond }, cost) {
      const at = now();
      const last = buckets.get(key) ?? { tokens: capacity, at };
      const filled = last.tokens + (at - last.at) * refillPerSecond / 1000;
      const tokens = Math.min(capacity, filled);
      const allowed = tokens >= cost;
      const left = allowed ? tokens - cost : tokens;
      buckets.set(key, { tokens: left, at });
      const retryAfterMs = allowed ? 0 : Math.ceil((cost - tokens) * 1000 / refillPerSecond);
      return { allowed, remaining: Math.floor(left), retryAfterMs };
    },
  };
}
