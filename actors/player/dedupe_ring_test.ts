import assert from "node:assert/strict";
import fc from "fast-check";
import { fingerprintHex } from "../../schema/hash.ts";
import { limits } from "../../schema/limits.ts";
import { DedupeRing } from "./dedupe_ring.ts";

const size = limits.dedupeRingEntries;

/** The last `size` distinct ids, as simply as it can be said. */
class NaiveRing {
  #ids: string[] = [];

  add(id: string): boolean {
    if (this.#ids.includes(id)) return false;
    this.#ids = [...this.#ids, id].slice(-size);
    return true;
  }
}

function ringOf(count: number, prefix = "id"): DedupeRing {
  const ring = new DedupeRing();
  for (let i = 0; i < count; i++) assert.ok(ring.add(`${prefix}${i}`));
  return ring;
}

Deno.test("DedupeRing knows an id while fewer than 1,024 others came in between", () => {
  for (const others of [0, 1, 15, 16, 17, 48, 49, 500, size - 1]) {
    const ring = new DedupeRing();
    ring.add("x");
    for (let i = 0; i < others; i++) ring.add(`other${i}`);
    assert.equal(ring.add("x"), false, `after ${others} others`);
  }
});

Deno.test("DedupeRing forgets an id after exactly 1,024 others", () => {
  const ring = new DedupeRing();
  ring.add("x");
  for (let i = 0; i < size; i++) ring.add(`other${i}`);
  assert.equal(ring.add("x"), true);
  assert.equal(ring.add("other0"), true, "x took the place of the oldest");
  assert.equal(ring.add("other2"), false);
});

Deno.test("DedupeRing keeps the window through many turns of the ring", () => {
  const ring = new DedupeRing();
  for (let i = 0; i < 5 * size + 7; i++) {
    assert.ok(ring.add(`id${i}`));
    if (i % 97 === 0) {
      assert.equal(ring.add(`id${Math.max(0, i - size + 1)}`), false);
      assert.equal(ring.add(`id${i}`), false);
    }
  }
});

Deno.test("DedupeRing is not refreshed by a repetition", () => {
  const ring = ringOf(size);
  assert.equal(ring.add("id0"), false);
  ring.add("one more");
  assert.equal(ring.add("id0"), true);
});

Deno.test("DedupeRing takes at most 8 KiB and little for who plays little", () => {
  assert.equal(Uint8Array.fromBase64(ringOf(3 * size).encode()).length, 8 * 1024);
  assert.ok(ringOf(3 * size).bytes <= 8 * 1024 + 500);
  assert.ok(ringOf(16).bytes <= 16 * 16 + 200);
  assert.ok(ringOf(1).bytes < 200);
});

Deno.test("DedupeRing.decode() is the inverse of encode() at every fill level, growth and wrap included", () => {
  const ring = new DedupeRing();
  for (let level = 0; level <= 2 * size + 20; level++) {
    const text = ring.encode();
    const copy = DedupeRing.decode(text);
    assert.equal(copy.encode(), text, `${level} entries`);
    assert.ok(level === 0 || !copy.add(`id${Math.max(0, level - size)}`), "the oldest is known");
    assert.ok(copy.add(`id${level}`));
    assert.ok(ring.add(`id${level}`));
    assert.equal(copy.encode(), ring.encode(), `${level} entries and one`);
  }
});

Deno.test("DedupeRing.decode() gives back a ring that goes on alike for long", () => {
  const levels = [0, 1, 15, 16, 17, 31, 32, 33, 48, 49, 63, 64, 65, 127, 128, 129, 255, 256, 257];
  levels.push(511, 512, 513, 1022, 1023, 1024, 1025, 1030, 1535, 2047, 2048, 2049, 3000);
  for (const level of levels) {
    const ring = ringOf(level);
    const copy = DedupeRing.decode(ring.encode());
    assert.equal(copy.encode(), ring.encode(), `${level} entries`);
    assert.equal(copy.bytes, ring.bytes, `${level} entries`);
    for (let i = 0; i < 1500; i++) {
      // Old ids, the oldest first, mixed with new ones: which are known depends on the order.
      const id = i % 3 === 0 ? `new${i}` : `id${Math.max(0, level - size) + i}`;
      assert.equal(copy.add(id), ring.add(id), `${id} after ${level} entries`);
    }
    assert.equal(copy.encode(), ring.encode());
  }
});

Deno.test("DedupeRing.encode() lists 8 bytes an entry, the oldest first", () => {
  const bytes = Uint8Array.fromBase64(ringOf(size + 2).encode());
  assert.equal(bytes.length, size * 8);
  const view = new DataView(bytes.buffer);
  const entry = (i: number) =>
    view.getUint32(i * 8 + 4, true).toString(16).padStart(8, "0") +
    view.getUint32(i * 8, true).toString(16).padStart(8, "0");
  assert.equal(entry(0), fingerprintHex("id2"));
  assert.equal(entry(size - 1), fingerprintHex(`id${size + 1}`));
});

Deno.test("DedupeRing tells apart ids that share one half of their fingerprints", () => {
  // Two ids whose low halves are equal, found by trying: the birthday of 32 bits.
  const byLow = new Map<string, string>();
  let pair: [string, string] | undefined;
  for (let i = 0; pair === undefined; i++) {
    const low = fingerprintHex(`b${i}`).slice(8);
    const other = byLow.get(low);
    if (other !== undefined) pair = [other, `b${i}`];
    byLow.set(low, `b${i}`);
  }
  for (const filled of [0, 100]) {
    const ring = ringOf(filled);
    assert.ok(ring.add(pair[0]));
    assert.ok(ring.add(pair[1]), "only the high half differs");
    assert.ok(!ring.add(pair[0]) && !ring.add(pair[1]));
  }
});

Deno.test("DedupeRing does what a plain list does", () => {
  const step = fc.oneof(
    { weight: 8, arbitrary: fc.record({ run: fc.integer({ min: 1, max: 400 }) }) },
    { weight: 8, arbitrary: fc.record({ back: fc.integer({ min: 1, max: 1400 }) }) },
    { weight: 1, arbitrary: fc.constant("restore" as const) },
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 25 }), (steps) => {
      let ring = new DedupeRing();
      const naive = new NaiveRing();
      let next = 0;
      for (const s of steps) {
        if (s === "restore") ring = DedupeRing.decode(ring.encode());
        else if ("run" in s) {
          for (let i = 0; i < s.run; i++, next++) {
            assert.equal(ring.add(`id${next}`), naive.add(`id${next}`));
          }
        } else {
          const id = `id${next - s.back}`;
          assert.equal(ring.add(id), naive.add(id), id);
        }
      }
    }),
    { numRuns: 40 },
  );
});
