/**
 * HTTP/1.1 by hand over one socket, for requests that no client library would send. Reading and
 * writing go on at the same time, since an answer may come in the middle of a body.
 *
 * @module
 */
import { endOfHead } from "../../load/client/http_connection.ts";

export interface RawAnswer {
  readonly status: number;
  readonly body: string;
}

/** The platform neither answered nor closed in time. */
export class NoAnswer extends Error {
  override readonly name = "NoAnswer";
}

const decoder = new TextDecoder();
const encoder = new TextEncoder();
const answerBytesMax = 4 * 1024 * 1024;

/** The bytes of a POST to the capture endpoint up to its body, `Content-Length` left to `headers`. */
export function postHead(url: URL, key: string, headers: Readonly<Record<string, string>>): string {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return `POST /api/v1/events HTTP/1.1\r\nHost: ${url.host}\r\nAuthorization: Bearer ${key}\r\n` +
    `${lines.join("")}\r\n`;
}

/** Text as UTF-8, bytes as they are, one after the other. */
export function bytesOf(...parts: readonly (string | Uint8Array)[]): Uint8Array {
  const all = parts.map((part) => typeof part === "string" ? encoder.encode(part) : part);
  const bytes = new Uint8Array(all.reduce((total, part) => total + part.length, 0));
  let at = 0;
  for (const part of all) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

export class RawConnection {
  readonly #conn: Deno.Conn;
  #received = new Uint8Array(0);
  isOpen = true;

  private constructor(conn: Deno.Conn) {
    this.#conn = conn;
  }

  static async connect(url: URL): Promise<RawConnection> {
    const conn = await Deno.connect({ hostname: url.hostname, port: Number(url.port || 80) });
    conn.setNoDelay(true);
    return new RawConnection(conn);
  }

  /** Writes all bytes; false when the platform has closed meanwhile. */
  async write(bytes: Uint8Array): Promise<boolean> {
    try {
      for (let done = 0; done < bytes.length;) {
        done += await this.#conn.write(bytes.subarray(done));
      }
      return true;
    } catch {
      return false;
    }
  }

  /**
   * The next answer; `undefined` when the platform closed without one.
   *
   * @throws {NoAnswer} after `timeoutMs`; the connection is closed then
   */
  async answer(timeoutMs: number): Promise<RawAnswer | undefined> {
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      this.close();
    }, timeoutMs);
    try {
      for (;;) {
        const answer = this.#parse();
        if (answer !== undefined) return answer;
        if (!await this.#receive()) {
          if (isLate) throw new NoAnswer(`No answer came within ${timeoutMs} ms`);
          return undefined;
        }
      }
    } finally {
      clearTimeout(timer);
    }
  }

  close(): void {
    if (!this.isOpen) return;
    this.isOpen = false;
    try {
      this.#conn.close();
    } catch {
      // The other side's failure has closed it already.
    }
  }

  /** Waits for more; false when there will be none. */
  async #receive(): Promise<boolean> {
    const part = new Uint8Array(16 * 1024);
    let read: number | null;
    try {
      read = await this.#conn.read(part);
    } catch {
      // Reset: the platform has closed while it was still being written to.
      read = null;
    }
    if (read === null || this.#received.length > answerBytesMax) {
      this.close();
      return false;
    }
    this.#received = bytesOf(this.#received, part.subarray(0, read)) as Uint8Array<ArrayBuffer>;
    return true;
  }

  /** Takes one answer from what has been received, if it is all there. */
  #parse(): RawAnswer | undefined {
    const bytes = this.#received;
    const headEnd = endOfHead(bytes);
    if (headEnd === undefined) return undefined;
    const head = decoder.decode(bytes.subarray(0, headEnd));
    const length = Number(/^content-length: *(\d+)/im.exec(head)?.[1] ?? 0);
    const end = headEnd + 4 + length;
    if (bytes.length < end) return undefined;
    this.#received = bytes.slice(end);
    if (/^connection: *close/im.test(head)) this.close();
    return {
      status: Number(head.slice(9, 12)),
      body: decoder.decode(bytes.subarray(headEnd + 4, end)),
    };
  }
}
