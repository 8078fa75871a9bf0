import assert from "node:assert/strict";
import { sizeOf } from "../../record_text.ts";
import { PartitionReader } from "./partition_reader.ts";

const never = new AbortController().signal;

function records(...offsets: number[]) {
  return offsets.map((offset) => ({ offset, timestamp: 1, key: "k", value: `${offset}` }));
}

const bytes = sizeOf(records(1)[0]!);

Deno.test("PartitionReader keeps what was fetched and not taken, once", async () => {
  const reader = new PartitionReader("game.deltas", 0);
  const first = reader.wait(4, 2 * bytes, never);
  reader.deliver({ from: 4, next: 12, records: records(4, 5, 7, 9) });
  assert.deepEqual((await first).map((r) => r.offset), [4, 5]);
  // 6 is no record: a gap is passed over.
  assert.deepEqual(reader.take(6, bytes)!.map((r) => r.offset), [7]);
  assert.equal(reader.take(3, bytes), undefined);
  assert.equal(reader.take(12, bytes), undefined);
  assert.deepEqual(reader.take(8, 9 * bytes)!.map((r) => r.offset), [9]);
  assert.equal(reader.take(8, bytes), undefined, "kept though it was read through");
});

Deno.test("PartitionReader goes on behind what holds no record", async () => {
  const reader = new PartitionReader("game.deltas", 0);
  const waiting = reader.wait(4, bytes, never);
  reader.deliver({ from: 4, next: 8, records: [] });
  assert.equal(reader.nextOffset(), 8);
  reader.deliver({ from: 8, next: 9, records: records(8) });
  assert.deepEqual((await waiting).map((r) => r.offset), [8]);
});

Deno.test("PartitionReader gives each offset its turn", async () => {
  const reader = new PartitionReader("game.deltas", 0);
  const stop = new AbortController();
  const atEnd = reader.wait(100, bytes, stop.signal);
  const behind = reader.wait(2, bytes, never);
  assert.ok(reader.isSplit);
  assert.deepEqual([reader.nextOffset(), reader.nextOffset()].sort(), [100, 2]);
  reader.deliver({ from: 2, next: 3, records: records(2) });
  assert.equal((await behind).length, 1);
  assert.ok(!reader.isSplit && reader.isWaiting);
  stop.abort();
  assert.deepEqual(await atEnd, []);
  assert.ok(!reader.isWaiting);
});

Deno.test("PartitionReader fails those who wait for an offset, not the others", async () => {
  const reader = new PartitionReader("game.deltas", 0);
  const lost = reader.wait(1, bytes, never);
  const fine = reader.wait(2, bytes, never);
  reader.fail(reader.missing(1, 2, 3), 1);
  await assert.rejects(lost, /game\.deltas\/0 at offset 1: the log holds 2 to 3/);
  reader.deliver({ from: 2, next: 3, records: records(2) });
  assert.equal((await fine)[0]!.offset, 2);
});
