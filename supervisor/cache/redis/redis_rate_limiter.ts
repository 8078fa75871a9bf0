/**
 * Token buckets that all nodes keep together: one script a call, on the server's clock.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { Unavailable } from "../../../schema/errors.ts";
import type { Bucket, RateLimiter, Taken } from "../cache.ts";
import { MemoryRateLimiter } from "../memory/memory_rate_limiter.ts";
import { checkBucket, fullAfterMs, tokenBucketScript } from "../token_bucket.ts";
import type { RedisClient } from "./redis_client.ts";
import type { RedisLink } from "./redis_link.ts";

const script = tokenBucketScript();
const sha = createHash("sha1").update(script).digest("hex");

type Answer = readonly [allowed: number, remaining: number, retryAfterMs: number];

/** Runs the script by its hash; a server that does not know it yet is told it. */
async function evaluate(redis: RedisClient, key: string, args: (string | number)[]) {
  try {
    return await redis.evalsha(sha, 1, key, ...args) as Answer;
  } catch (error) {
    if (!(error instanceof Error && error.message.startsWith("NOSCRIPT"))) throw error;
    return await redis.eval(script, 1, key, ...args) as Answer;
  }
}

export class RedisRateLimiter implements RateLimiter {
  readonly #local: MemoryRateLimiter;

  /** @param now for the node's own buckets while Redis is away */
  constructor(readonly link: RedisLink, now: () => number) {
    this.#local = new MemoryRateLimiter({ now });
  }

  async take(key: string, bucket: Bucket, cost = 1): Promise<Taken> {
    checkBucket(bucket, cost);
    const args = [bucket.capacity, bucket.refillPerSecond, cost, fullAfterMs(bucket)];
    try {
      const [allowed, remaining, retryAfterMs] = await this.link.run(
        "take",
        (redis) => evaluate(redis, `${this.link.prefix}rate:${key}`, args),
      );
      return { allowed: allowed === 1, remaining, retryAfterMs };
    } catch (error) {
      if (!(error instanceof Unavailable)) throw error;
      return await this.#local.take(key, bucket, cost);
    }
  }
}
