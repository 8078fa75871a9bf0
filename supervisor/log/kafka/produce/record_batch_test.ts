import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import fc from "fast-check";
import { Reader, readRecordsBatch } from "@platformatic/kafka";
import type { NewRecord } from "../../log.ts";
import { decodeRecords } from "../fetch/record_reader.ts";
import { encodeBatch } from "./record_batch.ts";

const identity = { producerId: 7n, producerEpoch: 1, firstSequence: 42 };
const schema = new TextEncoder().encode("player-event/1");
const trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/** The batch as a broker stores it: at an offset, with its append time. */
function stored(batch: Buffer, offset: number, timestamp: number): Buffer {
  const copy = Buffer.from(batch);
  copy.writeBigInt64BE(BigInt(offset), 0);
  copy.writeInt16BE(copy.readInt16BE(21) | 0b1000, 21);
  copy.writeBigInt64BE(BigInt(timestamp), 35);
  return copy;
}

const text = fc.string({ unit: "grapheme", maxLength: 40 });
const someRecords: fc.Arbitrary<NewRecord[]> = fc.array(
  fc.record({
    partition: fc.constant(0),
    key: text,
    value: fc.oneof(text, fc.string({ minLength: 100, maxLength: 3000 })),
    trace: fc.constantFrom(undefined, trace),
  }).map(({ trace, ...rest }) => trace === undefined ? rest : { ...rest, trace }),
  { minLength: 1, maxLength: 60 },
);

Deno.test("encodeBatch() writes what decodeRecords() reads", () => {
  const base = fc.integer({ min: 0, max: 2 ** 50 });
  fc.assert(fc.property(someRecords, base, fc.nat(60), (records, offset, skipped) => {
    const from = offset + Math.min(skipped, records.length - 1);
    const bytes = stored(encodeBatch({ records, schema }, identity), offset, 1234);
    const found = decodeRecords(bytes, from);
    const expected = records.map(({ partition: _, ...rest }, i) => ({
      offset: offset + i,
      timestamp: 1234,
      ...rest,
    }));
    assert.deepEqual(found.records, expected.slice(from - offset));
    assert.equal(found.next, offset + records.length);
  }));
});

Deno.test("encodeBatch() writes what the client reads, headers and sequence included", () => {
  const records = [
    { partition: 0, key: "s/ü", value: `{"a":"😀"}` },
    { partition: 0, key: "s/b", value: `{"b":1}`, trace },
  ];
  const batch = readRecordsBatch(Reader.from(encodeBatch({ records, schema }, identity)));
  assert.deepEqual([batch.magic, batch.lastOffsetDelta, batch.attributes], [2, 1, 0]);
  assert.deepEqual([batch.producerId, batch.producerEpoch, batch.firstSequence], [7n, 1, 42]);
  const told = batch.records.map(({ key, value, headers }) => [
    key!.toString(),
    value!.toString(),
    headers.map(([name, value]) => `${name}=${value}`),
  ]);
  assert.deepEqual(told, [
    ["s/ü", `{"a":"😀"}`, ["schema=player-event/1"]],
    ["s/b", `{"b":1}`, ["schema=player-event/1", `traceparent=${trace}`]],
  ]);
});

Deno.test("encodeBatch() compresses what is worth it", () => {
  const records = Array.from({ length: 100 }, (_, i) => ({
    partition: 0,
    key: `s/u-${i}`,
    value: `{"event_type":"level.completed","properties":{"level":${i}}}`,
  }));
  const bytes = encodeBatch({ records, schema }, identity);
  assert.equal(bytes.readInt16BE(21), 3);
  assert.ok(bytes.length < 4_000, `${bytes.length} bytes`);
});

Deno.test("decodeRecords() goes over gaps, control batches and a batch that is cut off", () => {
  const batch = (offset: number, value: string) =>
    stored(
      encodeBatch({ records: [{ partition: 0, key: "k", value }], schema }, identity),
      offset,
      5,
    );
  const control = batch(20, "x");
  control.writeInt16BE(control.readInt16BE(21) | 0b10_0000, 21);
  const whole = Buffer.concat([batch(3, "a"), batch(10, "b"), control]);
  const cut = Buffer.concat([whole, batch(21, "c").subarray(0, 70)]);
  const found = decodeRecords(cut, 4);
  assert.deepEqual(found.records.map(({ offset, value }) => [offset, value]), [[10, "b"]]);
  assert.equal(found.next, 21);
  assert.deepEqual(decodeRecords(control, 20), { records: [], next: 21 });
});
