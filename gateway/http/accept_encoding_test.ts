import assert from "node:assert/strict";
import { preferredCoding } from "./accept_encoding.ts";

Deno.test("preferredCoding() goes by weights, and takes brotli where they are equal", () => {
  const cases: [string | null, string | undefined][] = [
    [null, undefined],
    ["", undefined],
    ["gzip", "gzip"],
    ["x-gzip", "gzip"],
    ["gzip, deflate, br", "br"],
    ["GZIP, BR;q=0.5", "gzip"],
    ["br;q=0, gzip", "gzip"],
    ["br;q=0.000, gzip;q=0", undefined],
    ["br; q=0.2, gzip; q = 0.3", "gzip"],
    ["deflate, zstd", undefined],
    ["*", "br"],
    ["*;q=0.5, br;q=0", "gzip"],
    ["*;q=0", undefined],
    ["identity", undefined],
    ["identity;q=1, gzip;q=0.5", undefined],
    ["identity;q=0.5, gzip;q=1", "gzip"],
    ["identity;q=0, gzip;q=0.1", "gzip"],
    ["br;q=2, gzip;q=nonsense", undefined],
    [",, ;q=1, gzip", "gzip"],
  ];
  for (const [header, expected] of cases) {
    assert.equal(preferredCoding(header), expected, String(header));
  }
});
