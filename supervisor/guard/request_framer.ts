/**
 * Follows the requests on one connection: where each head and body begins and ends.
 *
 * @module
 */
import { edgeLimits } from "../../schema/net/edge_limits.ts";
import { ChunkFramer } from "./chunk_framer.ts";
import { type Fault, RequestHead } from "./request_head.ts";

/** What a client is in the middle of. */
export type Phase = "rest" | "head" | "body";

const [cr, lf] = [13, 10];
const tooLarge: Fault = {
  status: 431,
  detail: `A request's head may have ${edgeLimits.headBytesMax} bytes`,
};
const bareLf: Fault = { status: 400, detail: "A line must end with CR and LF" };
const noRequest: Fault = { status: 400, detail: "This port speaks HTTP/1.1" };
const badChunk: Fault = { status: 400, detail: "The chunks of the body are malformed" };

export class RequestFramer {
  phase: Phase = "rest";
  /** Heads that are complete. */
  heads = 0;
  /** Why the connection must end; then nothing more is read. */
  fault: Fault | undefined;
  /** Of the body under way. */
  bodyBytes = 0;
  #head = new RequestHead();
  #chunks: ChunkFramer | undefined;
  #left = 0;
  /** In the buffer: how far it was read, and where the unfinished head and line begin. */
  #at = 0;
  #headStart = 0;
  #lineStart = 0;

  /**
   * Reads on in a buffer that is filled up to `end`.
   *
   * @returns where the head begins that is not complete yet: what stands before may be passed on
   */
  feed(bytes: Uint8Array, end: number): number {
    while (this.#at < end && this.fault === undefined) {
      if (this.phase === "body") this.#body(bytes, end);
      else this.#lines(bytes, end);
    }
    return this.phase === "head" ? this.#headStart : this.#at;
  }

  /** What was passed on has been taken from the beginning of the buffer. */
  shift(bytes: number): void {
    this.#at -= bytes;
    this.#headStart -= bytes;
    this.#lineStart -= bytes;
  }

  /** Reads lines of a head to the end of it, or of what is there. */
  #lines(bytes: Uint8Array, end: number): void {
    if (this.phase === "rest") {
      this.phase = "head";
      this.#headStart = this.#lineStart = this.#at;
      const first = bytes[this.#at]!;
      // TLS, or noise: there may never be a line to wait for.
      if (first !== cr && first !== lf && (first <= 32 || first >= 127)) this.fault = noRequest;
    }
    while (this.phase === "head" && this.fault === undefined) {
      const newline = bytes.indexOf(lf, this.#at);
      const isThere = newline >= 0 && newline < end;
      if ((isThere ? newline : end) - this.#headStart >= edgeLimits.headBytesMax) {
        this.fault = tooLarge;
        return;
      }
      if (!isThere) {
        this.#at = end;
        return;
      }
      this.#at = newline + 1;
      this.#line(bytes, this.#lineStart, newline);
      this.#lineStart = this.#at;
    }
  }

  #line(bytes: Uint8Array, from: number, newline: number): void {
    if (newline === from || bytes[newline - 1] !== cr) {
      this.fault = bareLf;
      return;
    }
    const end = newline - 1;
    if (end > from) this.fault = this.#head.line(bytes, from, end);
    else if (this.#head.isBegun) this.#finishHead();
    // Else an empty line before the request, which some clients send after a body.
  }

  #finishHead(): void {
    const { isChunked, length } = this.#head;
    this.fault = this.#head.finish();
    this.#head = new RequestHead();
    if (this.fault !== undefined) return;
    this.heads++;
    this.bodyBytes = 0;
    this.#chunks = isChunked ? new ChunkFramer() : undefined;
    this.#left = Math.max(0, length);
    this.phase = isChunked || length > 0 ? "body" : "rest";
  }

  #body(bytes: Uint8Array, end: number): void {
    const from = this.#at;
    if (this.#chunks === undefined) {
      const taken = Math.min(this.#left, end - from);
      this.#left -= taken;
      this.#at += taken;
      if (this.#left === 0) this.phase = "rest";
    } else {
      const at = this.#chunks.feed(bytes, from, end);
      if (at < 0) {
        this.fault = badChunk;
        return;
      }
      this.#at = at;
      if (this.#chunks.isDone) this.phase = "rest";
    }
    this.bodyBytes += this.#at - from;
  }
}
