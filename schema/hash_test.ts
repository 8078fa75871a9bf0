import assert from "node:assert/strict";
import fc from "fast-check";
import { fingerprint, fingerprintBigint, fingerprintHex } from "./hash.ts";

Deno.test("fingerprintHex() never changes: stored checksums and rings depend on it", () => {
  const vectors: [string, string, string][] = [
    ["", "ebb6c22800000000", "f014133618c9aec4"],
    ["a", "e0ae7b522b038801", "bf63500c7c9fdfbf"],
    ["demo/u-17", "d3ca2f0deb12e416", "2fdbb0a4a6010ec8"],
    ["0190d3e4-7c1a-7cc4-b2b9-7a3d1b1f5a01", "45cca28b0638f08b", "d591ca94a4b36af7"],
    ["spieler-ä-日本-🎮", "64ff5a69dc029a8d", "39af57efd23dd64a"],
  ];
  for (const [text, seed0, seed7] of vectors) {
    assert.equal(fingerprintHex(text), seed0, text);
    assert.equal(fingerprintHex(text, 7), seed7, text);
  }
});

Deno.test("fingerprint() has halves of 32 bits without a sign, and the forms say the same", () => {
  fc.assert(fc.property(fc.string({ unit: "binary" }), fc.integer(), (text, seed) => {
    const { hi, lo } = fingerprint(text, seed);
    for (const half of [hi, lo]) assert.ok(half >>> 0 === half);
    const value = (BigInt(hi) << 32n) | BigInt(lo);
    assert.equal(BigInt(`0x${fingerprintHex(text, seed)}`), value);
    assert.equal(fingerprintHex(text, seed).length, 16);
    assert.equal(BigInt.asUintN(64, BigInt(fingerprintBigint(text, seed))), value);
  }));
});

Deno.test("fingerprintBigint() fits PostgreSQL's bigint", () => {
  let negative = 0;
  for (let i = 0; i < 1000; i++) {
    const value = BigInt(fingerprintBigint(`u-${i}`));
    assert.equal(BigInt.asIntN(64, value), value);
    if (value < 0n) negative++;
  }
  assert.ok(negative > 400 && negative < 600);
});

Deno.test("fingerprint() gives 200,000 ids of each common form no two the same", () => {
  const forms: ((i: number) => string)[] = [
    (i) => `e${i}`,
    (i) => `0190d3e4-7c1a-7cc4-b2b9-${i.toString(16).padStart(12, "0")}`,
    (i) => String.fromCharCode(i & 0xff, (i >> 8) & 0xff, i >> 16),
    (i) => "x".repeat(i & 63) + i + "y".repeat((i >> 6) & 63),
  ];
  const seen = new Set<string>();
  for (const form of forms) {
    for (let i = 0; i < 50_000; i++) seen.add(fingerprintHex(form(i)));
  }
  assert.equal(seen.size, 200_000);
});

Deno.test("fingerprint() flips about half of its bits when one bit of the text flips", () => {
  const flips = new Array<number>(64).fill(0);
  const texts = 4000;
  for (let i = 0; i < texts; i++) {
    const text = `demo/player-${i * 7919}`;
    const at = i % text.length;
    const other = text.slice(0, at) + String.fromCharCode(text.charCodeAt(at) ^ (1 << (i % 7))) +
      text.slice(at + 1);
    const a = BigInt(`0x${fingerprintHex(text)}`);
    const b = BigInt(`0x${fingerprintHex(other)}`);
    for (let bit = 0; bit < 64; bit++) if (((a ^ b) >> BigInt(bit)) & 1n) flips[bit]!++;
  }
  // Five standard deviations of a fair coin.
  const most = 5 * Math.sqrt(texts / 4);
  flips.forEach((count, bit) =>
    assert.ok(Math.abs(count - texts / 2) < most, `bit ${bit} flips ${count} of ${texts} times`)
  );
});

Deno.test("fingerprint() tells apart swapped and repeated characters", () => {
  fc.assert(fc.property(fc.string({ minLength: 2, unit: "binary" }), (text) => {
    const swapped = text[1]! + text[0]! + text.slice(2);
    if (swapped !== text) assert.notEqual(fingerprintHex(swapped), fingerprintHex(text));
    assert.notEqual(fingerprintHex(text + text), fingerprintHex(text));
    assert.notEqual(fingerprintHex(`${text}\0`), fingerprintHex(text));
  }));
});
