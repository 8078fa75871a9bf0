/**
 * Where a chunked body ends, and whether it is one: a byte machine over its size lines and trailers;
 * the data itself is skipped.
 *
 * @module
 */
import { edgeLimits } from "../../schema/net/edge_limits.ts";

type State = "size" | "extension" | "size-lf" | "data" | "data-cr" | "data-lf" | "trailer";

const [cr, lf, semicolon] = [13, 10, 59];
/** Sixteen mebibytes a chunk less one byte: more than any body may have. */
const digitsMax = 6;

function hexDigit(byte: number): number {
  if (byte >= 48 && byte <= 57) return byte - 48;
  const small = byte | 32;
  return small >= 97 && small <= 102 ? small - 87 : -1;
}

export class ChunkFramer {
  #state: State = "size";
  #digits = 0;
  #left = 0;
  #lineBytes = 0;
  /** Of all trailers. */
  #trailerBytes = 0;
  /** Of this line of the trailers, its CR not counted. */
  #trailerLine = 0;
  #afterCr = false;

  /**
   * Goes on in `bytes`.
   *
   * @returns where the body ended, `end` when it goes on, -1 when it is malformed
   */
  feed(bytes: Uint8Array, from: number, end: number): number {
    let at = from;
    while (at < end) {
      if (this.#state === "data") {
        const skipped = Math.min(this.#left, end - at);
        this.#left -= skipped;
        at += skipped;
        if (this.#left === 0) this.#state = "data-cr";
        continue;
      }
      const byte = bytes[at++]!;
      const verdict = this.#state === "trailer" ? this.#trailer(byte) : this.#line(byte);
      if (verdict === "wrong") return -1;
      if (verdict === "done") {
        this.isDone = true;
        return at;
      }
    }
    return end;
  }

  /** Whether the last chunk and its trailers are through. */
  isDone = false;

  #line(byte: number): "on" | "wrong" {
    switch (this.#state) {
      case "size": {
        const digit = hexDigit(byte);
        if (digit >= 0 && this.#digits < digitsMax) {
          this.#left = this.#left * 16 + digit;
          this.#digits++;
          return "on";
        }
        if (this.#digits === 0 || digit >= 0) return "wrong";
        return this.#afterSize(byte);
      }
      case "extension":
        if (++this.#lineBytes > edgeLimits.chunkLineBytesMax || byte === lf) return "wrong";
        if (byte === cr) this.#state = "size-lf";
        return "on";
      case "size-lf":
        if (byte !== lf) return "wrong";
        this.#state = this.#left === 0 ? "trailer" : "data";
        return "on";
      case "data-cr":
        this.#state = "data-lf";
        return byte === cr ? "on" : "wrong";
      default:
        if (byte !== lf) return "wrong";
        this.#state = "size";
        this.#digits = this.#left = this.#lineBytes = 0;
        return "on";
    }
  }

  #afterSize(byte: number): "on" | "wrong" {
    if (byte === cr) this.#state = "size-lf";
    else if (byte === semicolon) this.#state = "extension";
    else return "wrong";
    return "on";
  }

  #trailer(byte: number): "on" | "wrong" | "done" {
    if (++this.#trailerBytes > edgeLimits.trailerBytesMax) return "wrong";
    if (byte === lf) {
      if (!this.#afterCr) return "wrong";
      if (this.#trailerLine === 0) return "done";
      this.#trailerLine = 0;
      this.#afterCr = false;
      return "on";
    }
    // A CR without its LF.
    if (this.#afterCr) return "wrong";
    if (byte === cr) this.#afterCr = true;
    else this.#trailerLine++;
    return "on";
  }
}
