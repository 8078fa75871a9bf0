/**
 * What nodes share that may be lost: derived values, counters of rate limits, long leaderboards, and
 * small messages between nodes. Nothing here is the truth of anything; each port says what it does
 * while the cache is away, and none of them keeps its caller waiting for longer than
 * {@link limits.cacheCallMsMax}.
 *
 * @module
 */

/** Values that can be computed again. */
export interface L2Cache {
  /** The value kept under `key`. @returns undefined when there is none, or the cache is away */
  get(key: string): Promise<string | undefined>;
  /** Keeps a value for `ttlMs`. While the cache is away it is not kept, and nobody is told. */
  set(key: string, value: string, ttlMs: number): Promise<void>;
  /**
   * Forgets a value.
   *
   * @throws {Unavailable} it may still be there until its time is up
   */
  delete(key: string): Promise<void>;
}

/** A token bucket: full at first, emptied by calls, refilled as time goes by. */
export interface Bucket {
  /** The most tokens that it holds, above 0. */
  readonly capacity: number;
  /** Tokens that come back in a second, above 0. */
  readonly refillPerSecond: number;
}

/** What became of a call that asked for tokens. */
export interface Taken {
  readonly allowed: boolean;
  /** Whole tokens left. */
  readonly remaining: number;
  /** How long until the same call would be allowed, milliseconds; 0 when it was. */
  readonly retryAfterMs: number;
}

/** Limits that all nodes keep together. */
export interface RateLimiter {
  /**
   * Takes `cost` tokens out of the bucket `key`, or none if it does not hold as many. Whoever asks
   * with another capacity or rate changes the bucket from then on. While the cache is away each node
   * counts by itself, from a full bucket: a client that spreads its calls gets up to nodes × capacity.
   *
   * @param cost of the call. @default 1
   * @throws {RangeError} the bucket could never hold `cost`, or a number is not above 0
   */
  take(key: string, bucket: Bucket, cost?: number): Promise<Taken>;
}

/** An entry of a board, the best first; equal scores by the bytes of the user's id. */
export interface BoardEntry {
  /** Counted from 1. */
  readonly rank: number;
  readonly userId: string;
  readonly score: number;
}

export interface BoardPage {
  readonly entries: readonly BoardEntry[];
  /** Entries that the board holds. */
  readonly size: number;
}

/**
 * Leaderboards longer than an actor wants to hold: the best score of each of the best
 * {@link limits.cachedBoardEntriesMax} users.
 */
export interface Boards {
  /**
   * Takes scores; a user's lower one changes nothing, so that it may be repeated.
   *
   * @throws {Unavailable} offer them again
   */
  offer(board: string, scores: ReadonlyMap<string, number>): Promise<void>;
  /**
   * Entries after the first `offset`, at most `first`.
   *
   * @throws {Unavailable} the game actor has the best of them
   */
  page(board: string, offset: number, first: number): Promise<BoardPage>;
  /** Forgets a board. @throws {Unavailable} */
  remove(board: string): Promise<void>;
}

/** Small messages between nodes, each at most once, in the order of their sender. */
export interface FanOut {
  /**
   * Tells every subscriber of the channel, on this node at once, on others soon. Never waits and
   * never throws: what cannot be sent now reaches this node alone, and the others' subscribers are
   * told of the gap with the next message that gets through.
   *
   * @param text at most {@link limits.fanOutTextCharsMax} characters. @throws {RangeError} it is longer
   */
  publish(channel: string, text: string): void;
  /**
   * Listens until the function that is returned is called.
   *
   * @param onText gets each message, in the sender's order. Must not throw
   * @param onGap messages may have been missed: look for yourself. @default nobody is told
   */
  subscribe(channel: string, onText: (text: string) => void, onGap?: () => void): () => void;
}

/** The cache of a node. */
export interface Cache {
  readonly l2: L2Cache;
  readonly limits: RateLimiter;
  readonly boards: Boards;
  readonly fanOut: FanOut;
  /** Why it is away; `undefined`: it is there. */
  fault(): string | undefined;
  close(): Promise<void>;
}
