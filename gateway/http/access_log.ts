/**
 * The access log: one line a request that is worth it, for operators.
 *
 * At ten thousand requests a second a line each would cost more than the requests, so by default only
 * what went wrong (400 and above) or took long is written, at most so many lines a second; the next
 * line then says how many were left out. `all` writes every request, whatever it costs; a share writes
 * that part of the good ones beside the others.
 *
 * A line tells nothing of people: no path (the route's pattern stands for it, as paths may hold keys
 * and ids), no query, no header but the first word of `User-Agent`, and of the address the network.
 *
 * @module
 */
import type { AccessLogMode } from "../../schema/http/http_config.ts";
import { limits } from "../../schema/limits.ts";
import { networkOf } from "../../schema/net/site.ts";
import type { RequestInfo } from "../router.ts";

/** Takes the lines; the platform's logger has this shape. */
export interface AccessLogSink {
  info(message: string, fields?: Readonly<Record<string, unknown>>): void;
  warn(message: string, fields?: Readonly<Record<string, unknown>>): void;
}

export interface AccessLogOptions {
  readonly mode: AccessLogMode;
  readonly log: AccessLogSink;
  /** Milliseconds; monotonic. @default performance.now */
  readonly now?: () => number;
}

/** What is known of a request once it is answered. */
export interface Answered {
  readonly request: Request;
  /** The route's pattern; `unknown` where there is none. */
  readonly route: string;
  readonly requestId: string;
  readonly status: number;
  /** Tells the address of who called, which is looked at only for a line. */
  readonly info: RequestInfo | undefined;
}

/** What sent it, such as `analytics-node/3.1.0`: the first word, if it is presentable. */
function agentOf(headers: Headers): string | undefined {
  const agent = headers.get("user-agent");
  return agent === null ? undefined : /^[\w.+-]{1,40}(\/[\w.+-]{1,24})?/.exec(agent)?.[0];
}

export class AccessLog {
  readonly #now: () => number;
  readonly #share: number;
  #credit = 0;
  #secondEndsAt = -Infinity;
  #linesLeft = 0;
  #left = 0;

  constructor(readonly options: AccessLogOptions) {
    this.#now = options.now ?? (() => performance.now());
    this.#share = typeof options.mode === "number" ? options.mode : 0;
  }

  /** When a request came; to be given to {@link done}. */
  start(): number {
    return this.#now();
  }

  /** To be called once for each request. @param startedAt what {@link start} returned */
  done(startedAt: number, answered: Answered): void {
    const { mode } = this.options;
    if (mode === "off") return;
    const ms = this.#now() - startedAt;
    const isSpecial = answered.status >= 400 || ms >= limits.accessSlowMs;
    if (mode !== "all" && !(isSpecial ? this.#hasRoom(startedAt) : this.#isSampled())) return;
    this.#write(ms, answered);
  }

  /** Shares are spread evenly, so that they are exact. */
  #isSampled(): boolean {
    if (this.#share === 0) return false;
    this.#credit += this.#share;
    if (this.#credit < 1) return false;
    this.#credit -= 1;
    return true;
  }

  /** A flood of refusals must not become a flood of lines. */
  #hasRoom(now: number): boolean {
    if (now >= this.#secondEndsAt) {
      this.#secondEndsAt = now + 1000;
      this.#linesLeft = limits.accessLinesPerSecondMax;
    }
    if (this.#linesLeft-- > 0) return true;
    this.#left++;
    return false;
  }

  #write(ms: number, { request, route, requestId, status, info }: Answered): void {
    const address = info?.remoteAddr?.hostname;
    const { headers, method } = request;
    const bytes = headers.get("content-length");
    const left = this.#left;
    this.#left = 0;
    const level = status >= 500 ? "warn" : "info";
    this.options.log[level]("request", {
      request_id: requestId,
      // Whatever token a client sends is a method.
      method: method.slice(0, 16),
      route,
      status,
      ms: Math.round(ms * 100) / 100,
      bytes: bytes !== null && /^\d{1,15}$/.test(bytes) ? Number(bytes) : undefined,
      network: address === undefined ? undefined : networkOf(address),
      agent: agentOf(headers),
      left_out: left === 0 ? undefined : left,
    });
  }
}
