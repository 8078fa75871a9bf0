/**
 * Requests that are none, or that two readers could understand in two ways; and valid ones, damaged at
 * random.
 *
 * @module
 */
import type { Random } from "../../load/generator/random.ts";

/** A request as it is written to the socket, Latin-1. */
export interface Malformed {
  readonly name: string;
  readonly text: string;
  /** haproxy may mend it rather than refuse it, as the standard allows. */
  readonly mendable?: boolean;
}

const path = "/api/v1/events";
const body = '{"event_type":"custom","user_id":"smuggled","game_id":"drill-edge"}';
const smuggled =
  `POST ${path} HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n${body}`;

/** All of them, for a client with this key. */
export function malformedRequests(key: string): Malformed[] {
  const auth = `Authorization: Bearer ${key}\r\nContent-Type: application/json\r\n`;
  const post = (headers: string, rest = "") =>
    `POST ${path} HTTP/1.1\r\nHost: a\r\n${auth}${headers}\r\n${rest}`;
  const chunked = (rest: string) => post("Transfer-Encoding: chunked\r\n", rest);
  const get = (line: string, headers = "Host: a\r\n") => `${line}\r\n${headers}${auth}\r\n`;
  const live = "GET /health/live HTTP/1.1";
  const length = `Content-Length: ${body.length}\r\n`;
  const filler = (n: number) => "x".repeat(n);
  const plain: Record<string, string> = {
    "CL and TE": post(
      `Content-Length: 5\r\nTransfer-Encoding: chunked\r\n`,
      `0\r\n\r\n${smuggled}`,
    ),
    "TE and CL": post(
      `Transfer-Encoding: chunked\r\nContent-Length: 5\r\n`,
      `0\r\n\r\n${smuggled}`,
    ),
    "two different CL": post(`Content-Length: 0\r\n${length}`, body),
    "CL with a sign": post(`Content-Length: +${body.length}\r\n`, body),
    "negative CL": post("Content-Length: -1\r\n", body),
    "CL in hex": post("Content-Length: 0x10\r\n", body),
    "CL beyond every number": post(`Content-Length: ${"9".repeat(40)}\r\n`, body),
    "CL of several numbers": post("Content-Length: 1, 2\r\n", body),
    "Host is missing": get(live, ""),
    "two Hosts": get(live, "Host: a\r\nHost: b\r\n"),
    "Host with a blank": get(live, "Host: a b\r\n"),
    "Host with a path": get(live, "Host: a/../b\r\n"),
    "empty Host": get(live, "Host:\r\n"),
    "chunk size is no number": chunked(`zz\r\n${body}\r\n0\r\n\r\n`),
    "negative chunk size": chunked(`-5\r\n${body}\r\n0\r\n\r\n`),
    "chunk size beyond every number": chunked(`${"f".repeat(17)}\r\n${body}\r\n0\r\n\r\n`),
    "chunk longer than its size": chunked(`5\r\n${body}\r\n0\r\n\r\n`),
    "chunk extension of 64 KiB": chunked(`5;${filler(65_536)}\r\n12345\r\n0\r\n\r\n`),
    "chunk extensions without end": chunked(
      `1;${filler(2_000)}\r\n1\r\n`.repeat(200) + "0\r\n\r\n",
    ),
    "trailers of 64 KiB": chunked(`0\r\nX: ${filler(65_536)}\r\n\r\n`),
    "TE nearly chunked": post("Transfer-Encoding: xchunked\r\n", "0\r\n\r\n"),
    "TE chunked, then another": post("Transfer-Encoding: chunked, identity\r\n", "0\r\n\r\n"),
    "TE with a control character": post("Transfer-Encoding:\x0bchunked\r\n", "0\r\n\r\n"),
    "blank before the colon":
      `POST ${path} HTTP/1.1\r\nHost: a\r\n${auth}Content-Length : 5\r\n\r\n12345`,
    "NUL in a header": post(`X: a\0b\r\n${length}`, body),
    "header without a colon": post(`X\r\n${length}`, body),
    "header without a name": post(`: a\r\n${length}`, body),
    "a head of 64 KiB": post(`X: ${filler(65_536)}\r\n${length}`, body),
    "a head of 1 MiB": post(`X: ${filler(1 << 20)}\r\n${length}`, body),
    "1,000 headers": post(
      Array.from({ length: 1_000 }, (_, i) => `X-${i}: a\r\n`).join("") + length,
      body,
    ),
    "a method with an at sign": get("G@T /health/live HTTP/1.1"),
    "no version": get("GET /health/live"),
    "a version to come": get("GET /health/live HTTP/3.1"),
    "a blank in the target": get("GET /health /live HTTP/1.1"),
    "a control character in the target": get("GET /health/\x01 HTTP/1.1"),
    "a target of 128 KiB": get(`GET /${filler(131_072)} HTTP/1.1`),
    "TLS where none is spoken": "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + filler(500),
    "noise": "\xff\xfe\xfd\x00\r\n\r\n",
    "a PROXY header of anybody": `PROXY TCP4 203.0.113.1 10.0.0.1 1 2\r\n${get(live)}`,
  };
  const mendable: Record<string, string> = {
    "two equal CL": post(length + length, body),
    "folded header": post(`X: a\r\n b\r\n${length}`, body),
    "lines without CR": get(live).replaceAll("\r\n", "\n"),
    "chunks without CR": chunked("5\n12345\n0\n\n"),
    "HTTP/2 in the middle of nothing": "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + filler(100),
    "TE in HTTP/1.0":
      `POST ${path} HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
  };
  return [
    ...Object.entries(plain).map(([name, text]) => ({ name, text })),
    ...Object.entries(mendable).map(([name, text]) => ({ name, text, mendable: true })),
  ];
}

const splices = ["\0", "\r", "\n", "\r\n", " ", "\t", ":", ";", ",", "\x7f", "\xff", "0\r\n\r\n"]
  .concat(
    "Content-Length: 7\r\n",
    "Transfer-Encoding: chunked\r\n",
    "Host: b\r\n",
    "HTTP/1.0",
    "%00",
  );

/** A valid request with one to four pieces put in, taken out or turned over. */
export function mutant(random: Random, key: string): string {
  const head = `POST ${path} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${key}\r\n`;
  const half = Math.floor(body.length / 2);
  let text = random.below(2) === 0
    ? `${head}Content-Length: ${body.length}\r\n\r\n${body}`
    : `${head}Transfer-Encoding: chunked\r\n\r\n${half.toString(16)}\r\n${
      body.slice(0, half)
    }\r\n` +
      `${(body.length - half).toString(16)}\r\n${body.slice(half)}\r\n0\r\n\r\n`;
  for (let n = random.below(4); n >= 0; n--) {
    const at = random.below(text.length);
    const kind = random.below(3);
    if (kind === 0) {
      text = text.slice(0, at) + splices[random.below(splices.length)] + text.slice(at);
    } else if (kind === 1) text = text.slice(0, at) + text.slice(at + 1 + random.below(8));
    else {
      const byte = String.fromCharCode(random.below(256));
      text = text.slice(0, at) + byte + text.slice(at + 1);
    }
  }
  return text;
}
