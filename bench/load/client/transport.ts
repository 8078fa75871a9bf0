/**
 * How batches reach the platform: the port that the senders use, over HTTP or WebSocket.
 *
 * @module
 */

/** What came back for a batch. */
export interface Answer {
  /** HTTP status; over WebSocket that which HTTP would have had. */
  readonly status: number;
  /** JSON text. */
  readonly body: string;
  /** What `Retry-After` asked for, milliseconds. */
  readonly retryAfterMs?: number;
}

/** One connection to the platform. It carries one batch at a time. */
export interface Transport {
  /**
   * Sends a batch and waits for its answer; connects first when necessary. `body` is ASCII.
   *
   * @throws {Error} the connection failed or the time was up: whether the batch counts is unknown
   */
  send(body: string, ndjson: boolean): Promise<Answer>;

  /** Breaks the connection when its answer has been due since before `nowMs` (`performance.now()`). */
  expire(nowMs: number): void;

  close(): void;
}

/** Where and as whom a transport connects. */
export interface Target {
  /** Base URL of the gateway, `http:` or `https:`. */
  readonly url: URL;
  /** API key. */
  readonly key: string;
  /** PEM of an authority to trust as well. @default only what the system trusts */
  readonly ca?: string;
  /** Time an answer may take. @default 10,000 */
  readonly timeoutMs?: number;
}

export const answerTimeoutMs = 10_000;
