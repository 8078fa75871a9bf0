import assert from "node:assert/strict";
import fc from "fast-check";
import { edgeLimits } from "../../schema/net/edge_limits.ts";
import { RequestFramer } from "./request_framer.ts";

const bytes = (text: string) => Uint8Array.from(text, (c) => c.charCodeAt(0));

/** Feeds text in parts, as a connection does: what may be passed on leaves the buffer. */
function feed(parts: readonly string[]): { framer: RequestFramer; passed: string } {
  const framer = new RequestFramer();
  let held = "";
  let passed = "";
  for (const part of parts) {
    held += part;
    const ready = framer.feed(bytes(held), held.length);
    if (framer.fault !== undefined) break;
    passed += held.slice(0, ready);
    held = held.slice(ready);
    framer.shift(ready);
  }
  return { framer, passed };
}

const post = (headers: string, body = "") => `POST / HTTP/1.1\r\nHost: a\r\n${headers}\r\n${body}`;
const chunked = (body: string) => post("Transfer-Encoding: chunked\r\n", body);

Deno.test("RequestFramer follows requests however they are cut into parts", () => {
  const whole = [
    "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    post("Content-Length: 5\r\n", "hello"),
    chunked("5;name=value\r\nhello\r\n10\r\n0123456789abcdef\r\n0\r\nDigest: x\r\n\r\n"),
    "\r\n" + post("content-length:  0 \r\n"),
    "GET /old HTTP/1.0\r\n\r\n",
    "OPTIONS * HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n",
  ].join("");
  fc.assert(fc.property(fc.array(fc.nat(whole.length), { maxLength: 40 }), (cuts) => {
    const at = [0, ...cuts.toSorted((a, b) => a - b), whole.length];
    const { framer, passed } = feed(at.slice(1).map((end, i) => whole.slice(at[i], end)));
    assert.equal(framer.fault, undefined);
    assert.deepEqual([framer.heads, framer.phase, passed], [6, "rest", whole]);
  }));
});

Deno.test("RequestFramer holds an unfinished head back, and passes on what is there of a body", () => {
  const { framer, passed } = feed([post("Content-Length: 5\r\n", "he"), "l"]);
  assert.deepEqual([framer.phase, framer.bodyBytes], ["body", 3]);
  assert.ok(passed.endsWith("hel"));
  const next = feed(["GET / HTTP/1.1\r\nHost: a\r\n\r\nGET /b HTTP/1.1\r\nHos"]);
  assert.deepEqual([next.framer.phase, next.framer.heads], ["head", 1]);
  assert.ok(next.passed.endsWith("\r\n\r\n"));
});

Deno.test("RequestFramer refuses what two readers could understand in two ways", () => {
  const wrong = {
    "both lengths": post("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"),
    "both, the other way": post("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n"),
    "two lengths": post("Content-Length: 5\r\nContent-Length: 6\r\n"),
    "two equal lengths": post("Content-Length: 5\r\nContent-Length: 5\r\n"),
    "a list of lengths": post("Content-Length: 5, 5\r\n"),
    "a signed length": post("Content-Length: +5\r\n"),
    "a hex length": post("Content-Length: 0x5\r\n"),
    "an endless length": post(`Content-Length: ${"9".repeat(30)}\r\n`),
    "an empty length": post("Content-Length:\r\n"),
    "no host": "GET / HTTP/1.1\r\n\r\n",
    "an empty host": "GET / HTTP/1.1\r\nHost:\r\n\r\n",
    "two hosts": "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
    "a host with a path": "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n",
    "a host with a blank": "GET / HTTP/1.1\r\nHost: a b\r\n\r\n",
    "a blank before the colon": post("Content-Length : 5\r\n"),
    "a folded header": post("X: a\r\n b\r\n"),
    "a header without a colon": post("Content-Length 5\r\n"),
    "a header without a name": post(": 5\r\n"),
    "chunked twice": post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"),
    "chunked and more": post("Transfer-Encoding: gzip, chunked\r\n"),
    "nearly chunked": post("Transfer-Encoding: xchunked\r\n"),
    "identity": post("Transfer-Encoding: identity\r\n"),
    "chunked in HTTP/1.0": "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
    "lines without CR": "GET / HTTP/1.1\nHost: a\n\n",
    "no version": "GET /\r\n\r\n",
    "another version": "GET / HTTP/1.2\r\nHost: a\r\n\r\n",
    "HTTP/2": "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "no target": "GET  HTTP/1.1\r\nHost: a\r\n\r\n",
    "a blank in the target": "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n",
    "TLS": "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "a bad chunk": chunked("zz\r\nhello\r\n"),
    "a signed chunk": chunked("-1\r\nhello\r\n"),
    "a chunk without size": chunked("\r\nhello\r\n"),
    "a chunk too large": chunked("fffffffff\r\n"),
    "a chunk with a blank": chunked("5 \r\nhello\r\n"),
    "a chunk that is longer": chunked("5\r\nhelloX\r\n0\r\n\r\n"),
    "a chunk without CR": chunked("5\nhello\n0\n\n"),
    "an extension without CR": chunked("5;a\nhello\r\n0\r\n\r\n"),
    "an endless extension": chunked(`5;${"x".repeat(edgeLimits.chunkLineBytesMax + 1)}`),
    "endless trailers": chunked(`0\r\nX: ${"x".repeat(edgeLimits.trailerBytesMax)}`),
    "trailers without CR": chunked("0\r\nX: a\n\n"),
  };
  for (const [name, text] of Object.entries(wrong)) {
    assert.equal(feed([text]).framer.fault?.status, 400, name);
    // A byte at a time.
    assert.equal(feed(text.split("")).framer.fault?.status, 400, name);
  }
});

Deno.test("RequestFramer bounds headers and their bytes", () => {
  const headers = (n: number) => Array.from({ length: n }, (_, i) => `X-${i}: a\r\n`).join("");
  assert.equal(feed([post(headers(edgeLimits.headersMax - 1))]).framer.fault, undefined);
  assert.equal(feed([post(headers(edgeLimits.headersMax))]).framer.fault?.status, 431);
  const wide = (n: number) => post(`X: ${"a".repeat(n)}\r\n`);
  assert.equal(feed([wide(edgeLimits.headBytesMax - 100)]).framer.fault, undefined);
  assert.equal(feed([wide(edgeLimits.headBytesMax)]).framer.fault?.status, 431);
  assert.equal(feed(["\r\n".repeat(edgeLimits.headBytesMax)]).framer.fault?.status, 431);
});
