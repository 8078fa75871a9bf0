/**
 * Token buckets of this process alone.
 *
 * @module
 */
import { limits } from "../../../schema/limits.ts";
import type { Bucket, RateLimiter, Taken } from "../cache.ts";
import { type BucketState, checkBucket, takeTokens } from "../token_bucket.ts";

export interface MemoryRateLimiterOptions {
  readonly now: () => number;
  /** @default limits.rateLimitKeysMax */
  readonly keysMax?: number;
}

export class MemoryRateLimiter implements RateLimiter {
  readonly #buckets = new Map<string, BucketState>();
  readonly #keysMax: number;

  constructor(readonly options: MemoryRateLimiterOptions) {
    this.#keysMax = options.keysMax ?? limits.rateLimitKeysMax;
  }

  get size(): number {
    return this.#buckets.size;
  }

  // Async, so that a bad bucket rejects.
  // deno-lint-ignore require-await
  async take(key: string, bucket: Bucket, cost = 1): Promise<Taken> {
    return this.takeNow(key, bucket, cost);
  }

  /** {@link take} for who cannot wait. @throws {RangeError} */
  takeNow(key: string, bucket: Bucket, cost: number): Taken {
    checkBucket(bucket, cost);
    const now = this.options.now();
    const state = this.#buckets.get(key) ?? { tokens: bucket.capacity, at: now };
    // The bucket that was not asked for the longest is the likeliest to be full again.
    this.#buckets.delete(key);
    this.#buckets.set(key, state);
    if (this.#buckets.size > this.#keysMax) {
      this.#buckets.delete(this.#buckets.keys().next().value!);
    }
    return takeTokens(state, bucket, cost, now);
  }
}
