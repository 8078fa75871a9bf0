/**
 * Record batches as Kafka stores them (magic 2), written straight from text. The client's own
 * encoder makes several buffers a record; at tens of thousands of records a second that is most of
 * what appending costs.
 *
 * @see {@link https://kafka.apache.org/documentation/#recordbatch}
 * @module
 */
import { Buffer } from "node:buffer";
import { compressionsAlgorithms, crc32c } from "@platformatic/kafka";
import type { NewRecord } from "../../log.ts";

/** Bytes of a batch before its records. */
export const batchHeaderBytes = 61;

/** What makes the producer idempotent: the broker drops a batch it has had. */
export interface BatchIdentity {
  readonly producerId: bigint;
  readonly producerEpoch: number;
  readonly firstSequence: number;
}

const lz4Mask = 3;
/** Below this the header of a compressed frame costs more than it saves. */
const compressFromBytes = 1024;
/** A varint of 32 bits takes so much at most. */
const varintBytesMax = 5;
/** Attributes, timestamp, offset, three lengths, header count, record length. */
const recordOverheadBytes = 8 * varintBytesMax;

const encoder = new TextEncoder();
const traceName = encoder.encode("traceparent");
const schemaName = encoder.encode("schema");

/** Grows to the largest batch written so far. Nothing of it is kept: what is sent is copied. */
let scratch = Buffer.alloc(256 * 1024);

function reserve(bytes: number): void {
  if (scratch.length < bytes) scratch = Buffer.alloc(2 ** Math.ceil(Math.log2(bytes)));
}

/** Writes a zigzag varint at `at`. @returns the position after it */
function putVarint(value: number, at: number): number {
  let rest = ((value << 1) ^ (value >> 31)) >>> 0;
  while (rest >= 0x80) {
    scratch[at++] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
  }
  scratch[at++] = rest;
  return at;
}

function varintBytes(value: number): number {
  const rest = value << 1;
  return rest < 0x80 ? 1 : rest < 0x4000 ? 2 : rest < 0x20_0000 ? 3 : rest < 0x1000_0000 ? 4 : 5;
}

function putBytes(bytes: Uint8Array, at: number): number {
  at = putVarint(bytes.length, at);
  scratch.set(bytes, at);
  return at + bytes.length;
}

/** A batch of records of one partition. */
export interface BatchText {
  readonly records: readonly NewRecord[];
  /** Goes into the header `schema` of each record. */
  readonly schema: Uint8Array;
}

/** Bytes of the headers of a record, with their count. */
function headerBytes({ trace }: NewRecord, schema: Uint8Array): number {
  const plain = 1 + 1 + schemaName.length + varintBytes(schema.length) + schema.length;
  if (trace === undefined) return plain;
  return plain + 1 + traceName.length + varintBytes(trace.length) + trace.length;
}

function putRecord(
  record: NewRecord,
  index: number,
  schema: Uint8Array,
  keyBytes: number,
  valueBytes: number,
  start: number,
): number {
  const { key, value, trace } = record;
  const length = 2 + varintBytes(index) + varintBytes(keyBytes) + keyBytes +
    varintBytes(valueBytes) + valueBytes + headerBytes(record, schema);
  let at = putVarint(length, start);
  scratch[at++] = 0; // attributes
  scratch[at++] = 0; // timestamp: the broker sets its own
  at = putVarint(index, at);
  at = putVarint(keyBytes, at);
  const keyWritten = encoder.encodeInto(key, scratch.subarray(at, at + keyBytes));
  at = putVarint(valueBytes, at + keyBytes);
  const valueWritten = encoder.encodeInto(value, scratch.subarray(at, at + valueBytes));
  if (keyWritten.read !== key.length || valueWritten.read !== value.length) {
    // Not ASCII: once more, with the sizes that UTF-8 takes.
    const exact = [Buffer.byteLength(key), Buffer.byteLength(value)] as const;
    return putRecord(record, index, schema, exact[0], exact[1], start);
  }
  at = putVarint(trace === undefined ? 1 : 2, at + valueBytes);
  at = putBytes(schema, putBytes(schemaName, at));
  if (trace === undefined) return at;
  return putBytes(encoder.encode(trace), putBytes(traceName, at));
}

/** Writes the records into the scratch from 0 on. @returns how many bytes they take */
function putRecords({ records, schema }: BatchText): number {
  let bytes = 0;
  for (const { key, value, trace } of records) {
    bytes += 3 * (key.length + value.length) + recordOverheadBytes + schema.length +
      traceName.length + schemaName.length + (trace?.length ?? 0);
  }
  reserve(bytes);
  let at = 0;
  for (let i = 0; i < records.length; i++) {
    const record = records[i]!;
    at = putRecord(record, i, schema, record.key.length, record.value.length, at);
  }
  return at;
}

/** A whole batch, compressed with LZ4 when that is worth it. */
export function encodeBatch(text: BatchText, identity: BatchIdentity): Buffer {
  const bytes = putRecords(text);
  const plain = scratch.subarray(0, bytes);
  const compress = bytes >= compressFromBytes;
  const body = compress ? compressionsAlgorithms.lz4.compressSync(plain) as Uint8Array : plain;
  const batch = Buffer.alloc(batchHeaderBytes + body.length);
  batch.set(body, batchHeaderBytes);
  // The base offset is the broker's to set.
  batch.writeInt32BE(batch.length - 12, 8);
  batch.writeInt32BE(-1, 12); // leader epoch: the broker's
  batch.writeInt8(2, 16);
  batch.writeInt16BE(compress ? lz4Mask : 0, 21);
  batch.writeInt32BE(text.records.length - 1, 23);
  const now = BigInt(Date.now());
  batch.writeBigInt64BE(now, 27);
  batch.writeBigInt64BE(now, 35);
  batch.writeBigInt64BE(identity.producerId, 43);
  batch.writeInt16BE(identity.producerEpoch, 51);
  batch.writeInt32BE(identity.firstSequence, 53);
  batch.writeInt32BE(text.records.length, 57);
  batch.writeUInt32BE(crc32c(batch.subarray(21)), 17);
  return batch;
}
