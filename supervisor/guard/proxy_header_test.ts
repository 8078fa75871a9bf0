import assert from "node:assert/strict";
import { readProxyHeader } from "./proxy_header.ts";

const text = (value: string) => Uint8Array.from(value, (c) => c.charCodeAt(0));
const signature = "\r\n\r\n\0\r\nQUIT\n";
const v2 = (command: number, family: number, rest: number[]) =>
  Uint8Array.from([
    ...text(signature),
    command,
    family,
    rest.length >> 8,
    rest.length & 255,
    ...rest,
  ]);

Deno.test("readProxyHeader() reads version 1", () => {
  const line = "PROXY TCP4 203.0.113.9 10.0.0.1 4711 443\r\n";
  assert.deepEqual(readProxyHeader(text(line + "GET / HTTP/1.1\r\n")), {
    bytes: line.length,
    source: { hostname: "203.0.113.9", port: 4711 },
  });
  const six = readProxyHeader(text("PROXY TCP6 2001:db8::1 ::1 1 2\r\n"));
  assert.deepEqual(typeof six === "object" && six.source?.hostname, "2001:db8::1");
  assert.deepEqual(readProxyHeader(text("PROXY UNKNOWN\r\n")), { bytes: 15, source: undefined });
  for (let i = 0; i < line.length; i++) {
    assert.equal(readProxyHeader(text(line.slice(0, i))), "more");
  }
});

Deno.test("readProxyHeader() reads version 2", () => {
  const four = [203, 0, 113, 9, 10, 0, 0, 1, 0x12, 0x67, 1, 187];
  const source = { hostname: "203.0.113.9", port: 4711 };
  assert.deepEqual(readProxyHeader(v2(0x21, 0x11, four)), { bytes: 28, source });
  // Extensions follow, and are not read.
  assert.deepEqual(readProxyHeader(v2(0x21, 0x11, [...four, 4, 0, 1, 0])), { bytes: 32, source });
  const six = [0x20, 1, 0x0d, 0xb8, ...Array(11).fill(0), 1, ...Array(16).fill(0), 0, 80, 0, 81];
  assert.deepEqual(readProxyHeader(v2(0x21, 0x21, six)), {
    bytes: 52,
    source: { hostname: "2001:db8:0:0:0:0:0:1", port: 80 },
  });
  assert.deepEqual(readProxyHeader(v2(0x20, 0, [])), { bytes: 16, source: undefined });
  const whole = v2(0x21, 0x11, four);
  for (let i = 0; i < whole.length; i++) {
    assert.equal(readProxyHeader(whole.subarray(0, i)), "more");
  }
});

Deno.test("readProxyHeader() refuses what it cannot read, and leaves requests alone", () => {
  const wrong = ["PROXY TCP4 1.2.3 1.2.3.4 1 2\r\n", "PROXY TCP4 ::1 ::1 1 2\r\n", "PROXY \n"];
  wrong.push("PROXY TCP4 1.2.3.4 1.2.3.4 70000 2\r\n", "PROXY " + "x".repeat(200));
  for (const line of wrong) assert.equal(readProxyHeader(text(line)), "wrong", line);
  assert.equal(readProxyHeader(v2(0x11, 0x11, Array(12).fill(0))), "wrong");
  assert.equal(readProxyHeader(v2(0x21, 0x11, Array(4).fill(0))), "wrong");
  assert.equal(readProxyHeader(v2(0x21, 0x31, Array(216).fill(0))), "wrong");
  for (const line of ["POST / HTTP/1.1\r\n", "GET /", "PRI *", "\r\nGET"]) {
    assert.equal(readProxyHeader(text(line)), "none", line);
  }
});
