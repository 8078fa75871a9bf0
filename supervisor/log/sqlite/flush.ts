/**
 * A flush as stored: what one transaction appends to a topic, as one row. Its *directory* says which
 * partitions it has records of and where their text lies in its *body*; each is checked by itself,
 * so that damage costs no more than what it hit. This file knows the row and nothing of who writes
 * or reads.
 *
 * @module
 */
import { crc32 } from "node:zlib";

/**
 * The first flush of so many names every partition, so that nobody who asks where a partition
 * stands has to look at more than these.
 */
export const flushesPerBlock = 128;

/** The block of a flush: flushes are numbered from 1 in each segment, blocks from 0. */
export function blockOf(flush: number): number {
  return Math.floor((flush - 1) / flushesPerBlock);
}

export function isFirstOfBlock(flush: number): boolean {
  return (flush - 1) % flushesPerBlock === 0;
}

/** What a flush has of one partition. */
export interface Part {
  readonly partition: number;
  /** Offset of the first record, or of the next one where there is none. */
  readonly base: number;
  /** Records; 0 where the flush only says where the partition stands. */
  readonly count: number;
  /** Of the records' text; 0 where there are records and a corrupt text was cut: they are lost. */
  readonly bytes: number;
  /** CRC-32 of the text. */
  readonly crc: number;
}

/** A part with what its flush says of all: the byte of the body its text begins at, and the time. */
export interface PlacedPart extends Part {
  readonly start: number;
  readonly flush: number;
  readonly appendMs: number;
}

/** A flush without its body. */
export interface DirectoryRow {
  readonly id: number;
  readonly append_ms: number;
  /** CRC-32 of the columns of this row; the checksums in `parts` make it one of the body, too. */
  readonly crc: number;
  /** JSON: `[partition, base, count, bytes, crc]` of each part, in the order of their text. */
  readonly parts: string;
}

export interface FlushRow extends DirectoryRow {
  /** The parts' text, one after the other. */
  readonly body: Uint8Array;
}

/** What is not the body, to be selected. */
export const directoryColumns = "id, append_ms, crc, parts";

export function flushRow(
  id: number,
  appendMs: number,
  parts: readonly Part[],
  body: Uint8Array,
): FlushRow {
  const text = JSON.stringify(
    parts.map(({ partition, base, count, bytes, crc }) => [partition, base, count, bytes, crc]),
  );
  return { id, append_ms: appendMs, crc: directoryCrc(id, appendMs, text), parts: text, body };
}

/** @returns `undefined` when the directory is damaged */
export function partsOf(row: DirectoryRow): PlacedPart[] | undefined {
  if (row.crc !== directoryCrc(row.id, row.append_ms, row.parts)) return undefined;
  let start = 0;
  return (JSON.parse(row.parts) as [number, number, number, number, number][])
    .map(([partition, base, count, bytes, crc]) => {
      const at = { flush: row.id, appendMs: row.append_ms, start };
      start += bytes;
      return { partition, base, count, bytes, crc, ...at };
    });
}

/** The text of a part. @returns `undefined` when it is damaged */
export function textOf(part: PlacedPart, body: Uint8Array): Uint8Array | undefined {
  const text = body.subarray(part.start, part.start + part.bytes);
  return crc32(text) === part.crc ? text : undefined;
}

function directoryCrc(id: number, appendMs: number, parts: string): number {
  return crc32(`${id} ${appendMs} ${parts}`);
}
