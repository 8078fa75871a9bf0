import assert from "node:assert/strict";
import fc from "fast-check";
import { murmur2, partitionOf } from "./partition.ts";

const bytesOf = (text: string) => new TextEncoder().encode(text);

Deno.test("murmur2() gives the values of Kafka's own UtilsTest.testMurmur2", () => {
  const vectors: [string, number][] = [
    ["21", -973932308],
    ["foobar", -790332482],
    ["a-little-bit-long-string", -985981536],
    ["a-little-bit-longer-string", -1486304829],
    ["lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971],
    ["abc", 479470107],
  ];
  for (const [text, hash] of vectors) assert.equal(murmur2(bytesOf(text)), hash, text);
});

Deno.test("murmur2() agrees with the Java client on no bytes and on bytes that are no text", () => {
  assert.equal(murmur2(new Uint8Array()), 275646681);
  assert.equal(murmur2(new Uint8Array([12, 42, 56, 24, 109, 111])), 274204207);
});

Deno.test("murmur2() looks at the first `length` bytes only", () => {
  assert.equal(murmur2(bytesOf("foobar and more"), 6), -790332482);
});

Deno.test("partitionOf() takes the hash without its sign, as Kafka's toPositive() does", () => {
  assert.equal(partitionOf("foobar", 10), (-790332482 & 0x7fffffff) % 10);
  assert.equal(partitionOf("foobar", 10), 6);
});

Deno.test("partitionOf() never changes where a key lives", () => {
  const homes = ["", "a", "demo/u-17", "spieler-ä-日本-🎮"].map((key) => partitionOf(key, 12));
  assert.deepEqual(homes, [9, 4, 8, 5]);
});

Deno.test("partitionOf() hashes the whole key, however long and in whatever script", () => {
  const text = fc.string({ unit: "grapheme", maxLength: 60 });
  fc.assert(fc.property(text, fc.nat({ max: 80 }), (text, times) => {
    const key = text.repeat(times);
    const expected = (murmur2(bytesOf(key)) & 0x7fffffff) % 12;
    assert.equal(partitionOf(key, 12), expected);
  }));
});

Deno.test("partitionOf() is right at the edges of its scratch buffer", () => {
  for (const unit of ["a", "é", "日", "🎮"]) {
    for (let units = 160; units <= 1100; units++) {
      const key = unit.repeat(units);
      const expected = (murmur2(bytesOf(key)) & 0x7fffffff) % 997;
      assert.equal(partitionOf(key, 997), expected, `${units} × ${unit}`);
    }
  }
});

Deno.test("partitionOf() is not confused by the key before it", () => {
  const short = partitionOf("studio/u", 1_000_003);
  partitionOf("studio/another user with a longer name", 1_000_003);
  assert.equal(partitionOf("studio/u", 1_000_003), short);
});

Deno.test("partitionOf() stays within the partitions and always gives the same one", () => {
  const partitions = fc.integer({ min: 1, max: 1000 });
  fc.assert(fc.property(fc.string({ unit: "binary" }), partitions, (key, partitions) => {
    const partition = partitionOf(key, partitions);
    assert.ok(Number.isInteger(partition) && partition >= 0 && partition < partitions);
    assert.equal(partitionOf(key, partitions), partition);
  }));
});

Deno.test("partitionOf() spreads player ids about evenly", () => {
  const counts = new Array<number>(12).fill(0);
  const players = 120_000;
  for (let i = 0; i < players; i++) counts[partitionOf(`demo/player-${i}`, 12)]!++;
  const mean = players / 12;
  // Chance alone strays by about 1 % (one standard deviation of a binomial).
  for (const count of counts) assert.ok(Math.abs(count - mean) < mean * 0.05, `${counts}`);
});
