/**
 * The cache of a node that is alone: everything in memory, everything bounded.
 *
 * @module
 */
import type { Cache } from "../cache.ts";
import { MemoryBoards } from "./memory_boards.ts";
import { MemoryFanOut } from "./memory_fan_out.ts";
import { MemoryL2 } from "./memory_l2.ts";
import { MemoryRateLimiter } from "./memory_rate_limiter.ts";

export interface MemoryCacheOptions {
  /** Milliseconds since the Unix epoch. @default Date.now */
  readonly now?: () => number;
  /** Entries a leaderboard holds. @default limits.cachedBoardEntriesMax */
  readonly boardEntriesMax?: number;
}

export function memoryCache(options: MemoryCacheOptions = {}): Cache {
  const { now = Date.now, boardEntriesMax } = options;
  return {
    l2: new MemoryL2({ now }),
    limits: new MemoryRateLimiter({ now }),
    boards: new MemoryBoards(boardEntriesMax),
    fanOut: new MemoryFanOut(),
    fault: () => undefined,
    close: () => Promise.resolve(),
  };
}
