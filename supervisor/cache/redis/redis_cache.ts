/**
 * The cache of nodes that share one Redis, or a cluster of it.
 *
 * @module
 */
import { type Logger, logger } from "../../observability/logger.ts";
import { type MetricsSink, noMetrics } from "../../observability/metrics_sink.ts";
import { ResourceMeter } from "../../observability/resource_meter.ts";
import type { Cache } from "../cache.ts";
import { RedisBoards } from "./redis_boards.ts";
import { redisAddress } from "./redis_client.ts";
import { RedisFanOut } from "./redis_fan_out.ts";
import { RedisL2 } from "./redis_l2.ts";
import { RedisLink } from "./redis_link.ts";
import { RedisRateLimiter } from "./redis_rate_limiter.ts";

export interface RedisCacheOptions {
  /** `redis://` or `rediss://`, `[user:password@]host[:port][/db][?cluster=1&prefix=gm:&ca=file]`. */
  readonly url: string;
  /** Milliseconds since the Unix epoch, for rate limits while Redis is away. @default Date.now */
  readonly now?: () => number;
  readonly sink?: MetricsSink;
  readonly log?: Logger;
  /** Entries a leaderboard holds. @default limits.cachedBoardEntriesMax */
  readonly boardEntriesMax?: number;
  /** Time a call may take, milliseconds. @default limits.cacheCallMsMax */
  readonly callMsMax?: number;
}

/** Opens the cache; does not wait for the server. */
export function redisCache(options: RedisCacheOptions): Cache {
  const { url, now = Date.now, sink = noMetrics, log = logger("cache"), callMsMax } = options;
  const address = redisAddress(url);
  const meter = new ResourceMeter(sink, "cache");
  const link = new RedisLink({ address, meter, log, ...(callMsMax ? { callMsMax } : {}) });
  const fanOut = new RedisFanOut(link, address, meter);
  return {
    l2: new RedisL2(link),
    limits: new RedisRateLimiter(link, now),
    boards: new RedisBoards(link, options.boardEntriesMax),
    fanOut,
    fault: () => link.fault,
    close: () => {
      fanOut.close();
      link.close();
      return Promise.resolve();
    },
  };
}
