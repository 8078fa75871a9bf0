import assert from "node:assert/strict";
import { growthUnder, MemoryWatch, rssBytes } from "./memory_watch.ts";

/** Growth over attempts that end with these peaks, the first of them before any. */
async function growth(...peaks: number[]) {
  let attacks = 0;
  const memory = { takePeak: () => peaks.shift()! };
  const result = await growthUnder(memory, 10, () => Promise.resolve(void attacks++));
  assert.equal(result.attempts, attacks);
  return result;
}

Deno.test("growthUnder() asks once when memory stays", async () => {
  assert.deepEqual(await growth(100, 110), {
    bytes: 10,
    totalBytes: 10,
    attempts: 1,
    isWithin: true,
  });
});

Deno.test("growthUnder() forgives one step of the heap", async () => {
  const { isWithin, attempts } = await growth(100, 118, 119);
  assert.deepEqual([isWithin, attempts], [true, 2]);
});

Deno.test("growthUnder() finds what costs memory each time, or once too much", async () => {
  assert.equal((await growth(100, 111, 122, 133)).isWithin, false);
  assert.equal((await growth(100, 400, 400)).isWithin, false);
});

Deno.test("MemoryWatch keeps the highest sample since it was asked", () => {
  let bytes = 5;
  const watch = new MemoryWatch(0, 1_000_000, () => bytes);
  bytes = 9;
  assert.equal(watch.takePeak(), 9);
  bytes = 3;
  assert.equal(watch.takePeak(), 9);
  assert.equal(watch.takePeak(), 3);
  watch.stop();
});

Deno.test("rssBytes() reads this process' resident memory", () => {
  const megabytes = rssBytes(Deno.pid) / 1e6;
  assert.ok(megabytes > 20 && megabytes < 20_000, `${megabytes} MB`);
});
