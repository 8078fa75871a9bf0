import assert from "node:assert/strict";
import { crc32 } from "node:zlib";
import { blockOf, flushesPerBlock, flushRow, isFirstOfBlock, partsOf, textOf } from "./flush.ts";

const body = new TextEncoder().encode("k\ta\nk\tb\nk\tccc\n");
const parts = [
  { partition: 4, base: 1_000_000, count: 2, bytes: 8, crc: crc32(body.subarray(0, 8)) },
  { partition: 0, base: 7, count: 1, bytes: 6, crc: crc32(body.subarray(8)) },
  { partition: 2, base: 9, count: 0, bytes: 0, crc: 0 },
];
const row = flushRow(129, 1_767_225_600_000, parts, body);

Deno.test("partsOf() gives back what flushRow() was given, and where it lies", () => {
  const found = partsOf(row)!;
  assert.deepEqual(
    found,
    [0, 8, 14].map((start, i) => ({
      ...parts[i]!,
      start,
      flush: 129,
      appendMs: 1_767_225_600_000,
    })),
  );
  const texts = found.map((part) => new TextDecoder().decode(textOf(part, body)));
  assert.deepEqual(texts, ["k\ta\nk\tb\n", "k\tccc\n", ""]);
});

Deno.test("partsOf() notices damage of anything but the body", () => {
  assert.equal(partsOf({ ...row, id: 130 }), undefined);
  assert.equal(partsOf({ ...row, append_ms: row.append_ms + 1 }), undefined);
  assert.equal(partsOf({ ...row, crc: row.crc ^ 1 }), undefined);
  for (let i = 0; i < row.parts.length; i++) {
    const damaged = row.parts.slice(0, i) + "7" + row.parts.slice(i + 1);
    if (damaged === row.parts) continue;
    assert.equal(partsOf({ ...row, parts: damaged }), undefined, damaged);
  }
});

Deno.test("textOf() notices damage in the part's text, and in no other's", () => {
  const found = partsOf(row)!;
  for (let i = 0; i < body.length; i++) {
    const damaged = Uint8Array.from(body);
    damaged[i]! ^= 16;
    const good = found.map((part) => textOf(part, damaged) !== undefined);
    assert.deepEqual(good, [i >= 8, i < 8, true]);
  }
  assert.equal(textOf(found[1]!, body.subarray(0, 13)), undefined, "cut short");
});

Deno.test("blockOf() changes where isFirstOfBlock()", () => {
  assert.equal(blockOf(1), 0);
  for (let flush = 1; flush < 3 * flushesPerBlock; flush++) {
    assert.equal(blockOf(flush + 1) - blockOf(flush), isFirstOfBlock(flush + 1) ? 1 : 0);
  }
});
