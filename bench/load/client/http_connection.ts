/**
 * HTTP/1.1 over one kept-alive socket, by hand: a request costs one write and one read. `fetch`
 * takes several times the CPU, and the generator shares its cores with what it measures.
 *
 * @module
 */
import { Socket } from "./socket.ts";
import { type Answer, answerTimeoutMs, type Target, type Transport } from "./transport.ts";

const decoder = new TextDecoder();

/** Status line and headers of an answer. */
interface Head {
  readonly status: number;
  /** Where the body starts. */
  readonly bodyAt: number;
  /** `undefined`: chunked. */
  readonly length: number | undefined;
  readonly keepAlive: boolean;
  readonly retryAfterMs: number | undefined;
}

/** The body's text and where it ends. */
interface Body {
  readonly text: string;
  readonly end: number;
}

/** Sends requests to one path over one connection. */
export class HttpConnection implements Transport {
  readonly #target: Target;
  readonly #head: string;
  #socket: Socket | undefined;
  #deadlineMs = Infinity;

  /** @param path @default "/api/v1/events" */
  constructor(target: Target, path = "/api/v1/events") {
    this.#target = target;
    this.#head = `POST ${path} HTTP/1.1\r\nHost: ${target.url.host}\r\n` +
      `Authorization: Bearer ${target.key}\r\nContent-Type: application/`;
  }

  async send(body: string, ndjson = false): Promise<Answer> {
    return await this.request(`${this.#head}${ndjson ? "x-ndjson" : "json"}\r\n`, body);
  }

  /**
   * Sends a request with a head of the caller's own.
   *
   * @param head request line and headers, each ended, `Host` among them, `Content-Length` not
   */
  async request(head: string, body: string): Promise<Answer> {
    this.#deadlineMs = performance.now() + (this.#target.timeoutMs ?? answerTimeoutMs);
    try {
      this.#socket ??= await Socket.connect(this.#target.url, this.#target.ca);
      await this.#socket.send(`${head}Content-Length: ${body.length}\r\n\r\n${body}`);
      return await this.#read(this.#socket);
    } catch (cause) {
      this.close();
      throw cause;
    } finally {
      this.#deadlineMs = Infinity;
    }
  }

  expire(nowMs: number): void {
    if (nowMs > this.#deadlineMs) this.close();
  }

  close(): void {
    this.#socket?.close();
    this.#socket = undefined;
  }

  async #read(socket: Socket): Promise<Answer> {
    let head: Head | undefined;
    for (;;) {
      head ??= parseHead(socket.received);
      const body = head === undefined ? undefined : parseBody(head, socket.received);
      if (head !== undefined && body !== undefined) {
        socket.consume(body.end);
        if (!head.keepAlive) this.close();
        const answer = { status: head.status, body: body.text };
        return head.retryAfterMs === undefined
          ? answer
          : { ...answer, retryAfterMs: head.retryAfterMs };
      }
      await socket.receive();
    }
  }
}

/** Parses status line and headers; `undefined` while they are not all there. */
function parseHead(bytes: Uint8Array): Head | undefined {
  const end = endOfHead(bytes);
  if (end === undefined) return undefined;
  const [statusLine, ...lines] = decoder.decode(bytes.subarray(0, end)).split("\r\n");
  let length: number | undefined = 0;
  let keepAlive = statusLine!.startsWith("HTTP/1.1");
  let retryAfterMs: number | undefined;
  for (const line of lines) {
    const colon = line.indexOf(":");
    const name = line.slice(0, colon).toLowerCase();
    if (name === "content-length") length = Number(line.slice(colon + 1));
    else if (name === "transfer-encoding") length = undefined;
    else if (name === "connection") keepAlive = !/close/i.test(line);
    else if (name === "retry-after") retryAfterMs = Number(line.slice(colon + 1)) * 1000 || 0;
  }
  const status = Number(statusLine!.slice(9, 12));
  return { status, bodyAt: end + 4, length, keepAlive, retryAfterMs };
}

/** Where the empty line begins that ends the headers. */
export function endOfHead(bytes: Uint8Array): number | undefined {
  for (
    let at = bytes.indexOf(13);
    at >= 0 && at + 3 < bytes.length;
    at = bytes.indexOf(13, at + 1)
  ) {
    if (bytes[at + 1] === 10 && bytes[at + 2] === 13 && bytes[at + 3] === 10) return at;
  }
  return undefined;
}

/** The body; `undefined` while it is not all there. */
function parseBody(head: Head, bytes: Uint8Array): Body | undefined {
  if (head.length === undefined) return dechunk(bytes, head.bodyAt);
  const end = head.bodyAt + head.length;
  if (bytes.length < end) return undefined;
  return { text: decoder.decode(bytes.subarray(head.bodyAt, end)), end };
}

function dechunk(bytes: Uint8Array, from: number): Body | undefined {
  let text = "";
  for (let at = from;;) {
    const lineEnd = bytes.indexOf(13, at);
    if (lineEnd < 0) return undefined;
    const size = parseInt(decoder.decode(bytes.subarray(at, lineEnd)), 16);
    const start = lineEnd + 2;
    const end = start + size + 2;
    if (end > bytes.length) return undefined;
    if (size === 0) return { text, end };
    text += decoder.decode(bytes.subarray(start, start + size));
    at = end;
  }
}
