/**
 * The answers of the guard itself, and the little it has to know of others.
 *
 * @module
 */
import type { Fault } from "./request_head.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder("latin1");

const titles: Readonly<Record<Fault["status"], readonly [string, string]>> = {
  400: ["Bad Request", "bad_request"],
  408: ["Request Timeout", "request_timeout"],
  429: ["Too Many Requests", "rate_limited"],
  431: ["Request Header Fields Too Large", "headers_too_large"],
  503: ["Service Unavailable", "overloaded"],
};

/** A problem (RFC 9457) as a whole answer, after which the connection ends. */
export function refusal({ status, detail }: Fault): Uint8Array {
  const [title, code] = titles[status];
  const body = JSON.stringify({ type: "about:blank", title, status, code, detail });
  const later = status === 429 || status === 503 ? "Retry-After: 2\r\n" : "";
  return encoder.encode(
    `HTTP/1.1 ${status} ${title}\r\nContent-Type: application/problem+json\r\n` +
      `Content-Length: ${body.length}\r\n${later}Connection: close\r\n\r\n${body}`,
  );
}

/** Within so many bytes a head says what kind of answer it begins. */
const headBytes = 1024;

/**
 * What an answer is that begins so: an upgraded connection, a stream of events, a plain one; `interim`
 * when it is but `100 Continue` as yet.
 */
export function streamOf(bytes: Uint8Array): "answer" | "events" | "tunnel" | "interim" {
  const head = decoder.decode(bytes.subarray(0, headBytes));
  const status = head.slice(9, 12);
  if (status === "101") return "tunnel";
  if (status.startsWith("1")) {
    const end = head.indexOf("\r\n\r\n") + 4;
    return end < 4 || end === bytes.length ? "interim" : streamOf(bytes.subarray(end));
  }
  return /^content-type: *text\/event-stream/im.test(head) ? "events" : "answer";
}
