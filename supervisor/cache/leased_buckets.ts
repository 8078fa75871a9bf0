/**
 * Token buckets that many nodes share and that nobody waits for: tokens are fetched in chunks, and
 * handed out from the chunk at once. A request costs no call to the cache; a node fetches at most some
 * twenty times a second and bucket.
 *
 * While a chunk is on its way up to one more is lent, or what a single call takes, and paid back with
 * the next. So all nodes together let through what the bucket says, and that much a node besides.
 *
 * @module
 */
import { limits } from "../../schema/limits.ts";
import type { Bucket, RateLimiter, Taken } from "./cache.ts";
import { MemoryRateLimiter } from "./memory/memory_rate_limiter.ts";
import { checkBucket } from "./token_bucket.ts";

interface Lease {
  /** Below 0: lent. */
  tokens: number;
  isAsking: boolean;
  /** The cache has said that there are none before, milliseconds. */
  deniedUntil: number;
  /** What was left in the shared bucket. */
  shared: number;
}

export interface LeasedBucketsOptions {
  /** The shared buckets. @throws {Unavailable} they are starting: the node counts by itself */
  readonly shared: () => RateLimiter;
  /** Milliseconds since the Unix epoch. */
  readonly now: () => number;
  /** @default limits.rateLimitKeysMax */
  readonly keysMax?: number;
}

/** Nodes that wait for the same tokens must not ask all the time. */
const refusedMsMin = 50;

/** Tokens that are fetched at once: a tenth of a second's, an eighth of the bucket at most. */
export function chunkOf({ capacity, refillPerSecond }: Bucket): number {
  return Math.min(capacity, Math.max(1, Math.min(capacity / 8, refillPerSecond / 10)));
}

export class LeasedBuckets {
  readonly #leases = new Map<string, Lease>();
  readonly #own: MemoryRateLimiter;
  readonly #keysMax: number;

  constructor(readonly options: LeasedBucketsOptions) {
    this.#own = new MemoryRateLimiter({ now: options.now });
    this.#keysMax = options.keysMax ?? limits.rateLimitKeysMax;
  }

  /** Takes `cost` tokens at once, or none. @throws {RangeError} as {@link RateLimiter.take} */
  takeNow(key: string, bucket: Bucket, cost: number): Taken {
    checkBucket(bucket, cost);
    const now = this.options.now();
    const chunk = chunkOf(bucket);
    const lease = this.#leaseOf(key, now);
    const isLent = lease.tokens < cost;
    if (isLent && now < lease.deniedUntil) {
      return { allowed: false, remaining: 0, retryAfterMs: lease.deniedUntil - now };
    }
    if (isLent && lease.tokens <= -chunk) {
      if (!lease.isAsking) void this.#fetch(key, bucket, lease, chunk);
      // The cache answers within that time, or is away.
      return { allowed: false, remaining: 0, retryAfterMs: limits.cacheCallMsMax };
    }
    lease.tokens -= cost;
    const mayAsk = !lease.isAsking && now >= lease.deniedUntil;
    if (mayAsk && lease.tokens < chunk / 2) void this.#fetch(key, bucket, lease, chunk);
    const remaining = Math.max(0, Math.floor(lease.tokens + lease.shared));
    return { allowed: true, remaining, retryAfterMs: 0 };
  }

  #leaseOf(key: string, now: number): Lease {
    const lease = this.#leases.get(key) ??
      { tokens: 0, isAsking: false, deniedUntil: now, shared: 0 };
    this.#leases.delete(key);
    this.#leases.set(key, lease);
    if (this.#leases.size > this.#keysMax) {
      this.#leases.delete(this.#leases.keys().next().value!);
    }
    return lease;
  }

  async #fetch(key: string, bucket: Bucket, lease: Lease, chunk: number): Promise<void> {
    lease.isAsking = true;
    const cost = Math.min(bucket.capacity, chunk - lease.tokens);
    let taken: Taken;
    try {
      taken = await this.options.shared().take(key, bucket, cost);
    } catch {
      taken = this.#own.takeNow(key, bucket, cost);
    }
    lease.isAsking = false;
    lease.shared = taken.remaining;
    if (taken.allowed) lease.tokens += cost;
    else lease.deniedUntil = this.options.now() + Math.max(refusedMsMin, taken.retryAfterMs);
  }
}
