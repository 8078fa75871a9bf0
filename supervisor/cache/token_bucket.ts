/**
 * The token bucket, as one calculation: in memory and, letter for letter the same, as a script that
 * Redis runs in one piece.
 *
 * @module
 */
import type { Bucket, Taken } from "./cache.ts";

/** A bucket as it was left. */
export interface BucketState {
  tokens: number;
  /** When it was left, milliseconds. */
  at: number;
}

/** @throws {RangeError} */
export function checkBucket({ capacity, refillPerSecond }: Bucket, cost: number): void {
  const given = { capacity, refillPerSecond, cost };
  for (const [name, value] of Object.entries(given)) {
    if (Number.isFinite(value) && value > 0) continue;
    throw new RangeError(
      `Cannot take tokens as '${name}' must be above 0: current value is ${value}`,
    );
  }
  if (cost <= capacity) return;
  throw new RangeError(`Cannot take ${cost} tokens out of a bucket that holds at most ${capacity}`);
}

/** Who waits as long as he was told must not be turned away for the last bit of a sum. */
const rounding = 1e-6;

/** Takes `cost` tokens if they are there. @param state is changed in place */
export function takeTokens(state: BucketState, bucket: Bucket, cost: number, nowMs: number): Taken {
  const { capacity, refillPerSecond } = bucket;
  // A clock that goes back must not take tokens away, nor give the same time twice.
  const now = Math.max(nowMs, state.at);
  const tokens = Math.min(capacity, state.tokens + (now - state.at) * refillPerSecond / 1000);
  const allowed = tokens + rounding >= cost;
  state.tokens = allowed ? Math.max(0, tokens - cost) : tokens;
  state.at = now;
  return {
    allowed,
    remaining: Math.floor(state.tokens),
    retryAfterMs: allowed ? 0 : Math.ceil((cost - tokens) * 1000 / refillPerSecond),
  };
}

/** How long a bucket is worth remembering: after that it is full again, milliseconds. */
export function fullAfterMs({ capacity, refillPerSecond }: Bucket): number {
  return Math.ceil(capacity * 1000 / refillPerSecond);
}

/**
 * {@link takeTokens} in Lua. `KEYS[1]` is the bucket, `ARGV` capacity, refill per second, cost and
 * {@link fullAfterMs}; the answer is allowed (1 or 0), whole tokens left, milliseconds to wait.
 *
 * @param nowMs Lua that gives the time in milliseconds. @default the server's own, so that nodes
 *   whose clocks differ agree
 */
export function tokenBucketScript(nowMs: string = serverTime): string {
  return `
local capacity, refill, cost = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local now = ${nowMs}
local held = redis.call('HMGET', KEYS[1], 'tokens', 'at')
local tokens, at = tonumber(held[1]) or capacity, tonumber(held[2]) or now
now = math.max(now, at)
tokens = math.min(capacity, tokens + (now - at) * refill / 1000)
local allowed, wait = 0, 0
if tokens + ${rounding} >= cost then
  allowed, tokens = 1, math.max(0, tokens - cost)
else
  wait = math.ceil((cost - tokens) * 1000 / refill)
end
redis.call('HSET', KEYS[1], 'tokens', string.format('%.17g', tokens), 'at', string.format('%.17g', now))
redis.call('PEXPIRE', KEYS[1], ARGV[4])
return { allowed, math.floor(tokens), wait }`;
}

const serverTime = "(function() local t = redis.call('TIME') " +
  "return tonumber(t[1]) * 1000 + math.floor(tonumber(t[2]) / 1000) end)()";
