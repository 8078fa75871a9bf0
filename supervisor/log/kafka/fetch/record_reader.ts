/**
 * Reads what a broker answers to a fetch: record batches, compressed or not.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { compressionsAlgorithmsByBitmask } from "@platformatic/kafka";
import { InvariantBroken } from "../../../../schema/errors.ts";
import type { LogRecord } from "../../log.ts";
import { batchHeaderBytes } from "../produce/record_batch.ts";

const compressionMask = 0b111;
const logAppendTimeMask = 0b1000;
const controlMask = 0b10_0000;

/** What a broker's bytes hold from an offset on. */
export interface DecodedRecords {
  readonly records: LogRecord[];
  /** Where to read on: after the last whole batch, also where it held nothing for us. */
  readonly next: number;
}

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
// deno-lint-ignore no-control-regex -- any byte that is not ASCII
const notAscii = /[^\x00-\x7f]/;

/** One batch's records: bytes, and the same as text of one character a byte. */
class RecordCursor {
  #at = 0;
  readonly #latin: string;

  constructor(readonly bytes: Buffer) {
    this.#latin = bytes.toString("latin1");
  }

  varint(): number {
    const { bytes } = this;
    let value = 0;
    for (let shift = 0;; shift += 7) {
      const byte = bytes[this.#at++]!;
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) break;
      if (shift > 28) throw new InvariantBroken("A record of the log has a varint beyond 32 bits");
    }
    return (value >>> 1) ^ -(value & 1);
  }

  /** Passes over a varint of up to 64 bits. */
  skipVarint(): void {
    while (this.bytes[this.#at++]! >= 0x80);
  }

  skip(bytes: number): void {
    this.#at += bytes;
  }

  moveTo(position: number): void {
    this.#at = position;
  }

  get position(): number {
    return this.#at;
  }

  /** Text of so many bytes. A fresh string: no slice that keeps the batch alive when `unpinned`. */
  text(bytes: number, unpinned: boolean): string {
    if (bytes <= 0) return "";
    const start = this.#at;
    this.#at += bytes;
    const text = this.#latin.slice(start, this.#at);
    if (notAscii.test(text)) return decoder.decode(this.bytes.subarray(start, this.#at));
    return unpinned && bytes >= 13 ? (" " + text).slice(1) : text;
  }
}

/** The `traceparent` among a record's headers. */
function readTrace(cursor: RecordCursor): string | undefined {
  let trace: string | undefined;
  for (let left = cursor.varint(); left > 0; left--) {
    const isTrace = cursor.text(cursor.varint(), false) === "traceparent";
    const bytes = cursor.varint();
    if (isTrace && bytes > 0) trace = cursor.text(bytes, true);
    else cursor.skip(Math.max(0, bytes));
  }
  return trace;
}

function readRecords(
  body: Buffer,
  count: number,
  base: number,
  from: number,
  timestamp: number,
  found: LogRecord[],
): void {
  const cursor = new RecordCursor(body);
  for (let i = 0; i < count; i++) {
    const length = cursor.varint();
    const end = cursor.position + length;
    cursor.skip(1);
    cursor.skipVarint();
    const offset = base + cursor.varint();
    if (offset >= from) {
      const key = cursor.text(cursor.varint(), true);
      const value = cursor.text(cursor.varint(), false);
      const trace = readTrace(cursor);
      const record = { offset, timestamp, key, value };
      found.push(trace === undefined ? record : { ...record, trace });
    }
    cursor.moveTo(end);
  }
}

/**
 * The records of `bytes` from offset `from` on. A batch that is cut off at the end is left.
 *
 * @throws {InvariantBroken} no batch of magic 2, or an unknown compression
 */
export function decodeRecords(bytes: Buffer, from: number): DecodedRecords {
  const records: LogRecord[] = [];
  let next = from;
  for (let at = 0; at + batchHeaderBytes <= bytes.length;) {
    const end = at + 12 + bytes.readInt32BE(at + 8);
    if (end > bytes.length) break;
    if (bytes[at + 16] !== 2) throw new InvariantBroken("A batch of the log is not of format 2");
    const base = Number(bytes.readBigInt64BE(at));
    const attributes = bytes.readInt16BE(at + 21);
    const last = base + bytes.readInt32BE(at + 23);
    if (last >= from && (attributes & controlMask) === 0) {
      const isAppendTime = (attributes & logAppendTimeMask) !== 0;
      const timestamp = Number(bytes.readBigInt64BE(at + (isAppendTime ? 35 : 27)));
      const body = decompress(bytes.subarray(at + batchHeaderBytes, end), attributes);
      readRecords(body, bytes.readInt32BE(at + 57), base, from, timestamp, records);
    }
    next = Math.max(next, last + 1);
    at = end;
  }
  return { records, next };
}

function decompress(body: Buffer, attributes: number): Buffer {
  const kind = attributes & compressionMask;
  if (kind === 0) return body;
  const algorithm = compressionsAlgorithmsByBitmask[kind];
  if (algorithm === undefined) {
    throw new InvariantBroken(`A batch of the log has the unknown compression ${kind}`);
  }
  return algorithm.decompressSync(body) as Buffer;
}
