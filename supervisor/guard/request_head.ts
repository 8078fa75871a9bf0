/**
 * One request's head, line by line: enough of it to know where its body ends, and to refuse what two
 * readers could understand in two ways. What is left is the HTTP server's to check.
 *
 * @module
 */
import { edgeLimits } from "../../schema/net/edge_limits.ts";

/** Why a connection is refused: the status of the answer, and its text. */
export interface Fault {
  readonly status: 400 | 408 | 429 | 431 | 503;
  readonly detail: string;
}

const bad = (detail: string): Fault => ({ status: 400, detail });

const decoder = new TextDecoder("latin1");
/** A name, an IPv4 address or one of IPv6 in brackets, perhaps with a port. */
const hostForm = /^(?:[A-Za-z0-9_.~%!$&'()*+,;=-]{1,255}|\[[0-9A-Fa-f:.]{2,64}\])(?::\d{0,5})?$/;
const [tab, space, colon] = [9, 32, 58];

/** First letters of the headers that matter here, small. */
const [letterC, letterH, letterT] = [99, 104, 116];

function isName(bytes: Uint8Array, from: number, end: number, name: string): boolean {
  if (end - from !== name.length) return false;
  for (let i = 0; i < name.length; i++) {
    if ((bytes[from + i]! | 32) !== name.charCodeAt(i)) return false;
  }
  return true;
}

export class RequestHead {
  /** Headers so far. */
  #headers = 0;
  #hosts = 0;
  #isFirst = true;
  #isOld = false;
  /** Of `Content-Length`; -1: none was given. */
  length = -1;
  isChunked = false;

  /** Takes one line without its CRLF. An empty one before the request line is left out. */
  line(bytes: Uint8Array, from: number, end: number): Fault | undefined {
    if (this.#isFirst) return this.#requestLine(bytes, from, end);
    if (++this.#headers > edgeLimits.headersMax) {
      return { status: 431, detail: `A request may have ${edgeLimits.headersMax} headers` };
    }
    const first = bytes[from]!;
    if (first === space || first === tab) return bad("A header must not be folded");
    const at = bytes.indexOf(colon, from);
    if (at <= from || at >= end) return bad("A header must have a name and a colon");
    const last = bytes[at - 1]!;
    if (last === space || last === tab) return bad("No blank may stand before a header's colon");
    switch (first | 32) {
      case letterC:
        return isName(bytes, from, at, "content-length")
          ? this.#contentLength(valueOf(bytes, at, end))
          : undefined;
      case letterH:
        return isName(bytes, from, at, "host") ? this.#host(valueOf(bytes, at, end)) : undefined;
      case letterT:
        return isName(bytes, from, at, "transfer-encoding")
          ? this.#transferEncoding(valueOf(bytes, at, end))
          : undefined;
      default:
        return undefined;
    }
  }

  /** The empty line after it. `undefined` also before the request line: see {@link isBegun}. */
  finish(): Fault | undefined {
    if (this.#hosts === 0 && !this.#isOld) return bad("Host is missing");
    if (this.isChunked && this.length >= 0) {
      return bad("Content-Length and Transfer-Encoding contradict each other");
    }
    return undefined;
  }

  /** Whether the request line is there. */
  get isBegun(): boolean {
    return !this.#isFirst;
  }

  #requestLine(bytes: Uint8Array, from: number, end: number): Fault | undefined {
    this.#isFirst = false;
    const form = "http/1.";
    const version = end - 8;
    const isHttp = version > from && isVersion(bytes, version, form);
    const minor = bytes[end - 1]! - 48;
    if (!isHttp || (minor !== 0 && minor !== 1)) return bad("This port speaks HTTP/1.1");
    this.#isOld = minor === 0;
    const afterMethod = bytes.indexOf(space, from);
    const beforeVersion = version - 1;
    const isWhole = afterMethod > from && beforeVersion > afterMethod + 1 &&
      bytes[beforeVersion] === space && bytes.indexOf(space, afterMethod + 1) === beforeVersion;
    return isWhole ? undefined : bad("A request line has a method, a target and a version");
  }

  #contentLength(value: string): Fault | undefined {
    if (this.length >= 0) return bad("Content-Length must be there once");
    if (!/^\d{1,15}$/.test(value)) return bad("Content-Length must be a number");
    this.length = Number(value);
    return undefined;
  }

  #host(value: string): Fault | undefined {
    if (this.#hosts++ > 0) return bad("Host must be there once");
    return hostForm.test(value) ? undefined : bad("Host must name a host");
  }

  #transferEncoding(value: string): Fault | undefined {
    if (this.isChunked || this.#isOld || value.toLowerCase() !== "chunked") {
      return bad("Transfer-Encoding may be chunked, once, in HTTP/1.1");
    }
    this.isChunked = true;
    return undefined;
  }
}

function isVersion(bytes: Uint8Array, from: number, form: string): boolean {
  // Exactly as it is written: its letters are large.
  for (let i = 0; i < form.length; i++) {
    if (bytes[from + i] !== form[i]!.toUpperCase().charCodeAt(0)) return false;
  }
  return true;
}

/** A header's value: what follows the colon at `at`, without blanks around it. */
function valueOf(bytes: Uint8Array, at: number, end: number): string {
  let [from, to] = [at + 1, end];
  while (from < to && (bytes[from] === space || bytes[from] === tab)) from++;
  while (to > from && (bytes[to - 1] === space || bytes[to - 1] === tab)) to--;
  return decoder.decode(bytes.subarray(from, to));
}
