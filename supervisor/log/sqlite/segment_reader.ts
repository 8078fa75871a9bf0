/**
 * The reading side: finds the segment and the batch of an offset, checks and decodes it. One per
 * thread; it reads the files itself, so reading costs the writer nothing.
 *
 * @module
 */
import type { DatabaseSync } from "node:sqlite";
import { Terminal, Unavailable } from "../../../schema/errors.ts";
import { topicNames } from "../../../schema/topics.ts";
import type { LogRecord } from "../log.ts";
import { BatchCursor } from "../record_text.ts";
import type { Positions } from "./positions.ts";
import {
  batchFinder,
  type BatchRow,
  isIntact,
  offsetOfBatch,
  openSegmentToRead,
  readBases,
  segmentPath,
  sqlite,
  sqliteCode,
} from "./segment.ts";

/** Open segments a thread keeps; each has three descriptors and a page cache of at most 2 MiB. */
const openSegmentsMax = 12;

interface OpenSegment {
  readonly path: string;
  readonly db: DatabaseSync;
  readonly find: (partition: number, offset: number) => BatchRow | undefined;
}

/** What a read found: `records`, and the offset to go on from, beyond them or beyond a cut. */
export interface Found {
  readonly records: LogRecord[];
  readonly next: number;
}

export class SegmentReader {
  readonly #dir: string;
  readonly #positions: Positions;
  /** By `topic/number`, least recently used first. */
  readonly #open = new Map<string, OpenSegment>();
  /** By `topic/number`: the first offset it can hold, by partition. */
  readonly #bases = new Map<string, readonly number[]>();
  /** By `topic/partition`: the batch that the last read ended in. */
  readonly #cursors = new Map<string, BatchCursor>();

  constructor(dir: string, positions: Positions) {
    this.#dir = dir;
    this.#positions = positions;
  }

  /**
   * Records from `offset` on; `end` is the partition's end as loaded by the caller, above `offset`.
   *
   * @throws {Terminal} `log_corrupt`: the batch at `offset` is damaged
   * @throws {Unavailable} a file cannot be read now, or was dropped meanwhile
   */
  read(topic: number, partition: number, offset: number, end: number, bytesMax: number): Found {
    const records: LogRecord[] = [];
    let next = offset;
    let bytes = 0;
    while (next < end && (records.length === 0 || bytes < bytesMax)) {
      let cursor: BatchCursor | null;
      try {
        cursor = this.#cursorAt(topic, partition, next);
      } catch (error) {
        // What is good goes out first; the next fetch starts at the fault.
        if (records.length > 0) break;
        throw error;
      }
      if (cursor === null) {
        next = this.#endOfCut(topic, partition, next);
        continue;
      }
      bytes = this.#take(cursor, topic, partition, records, bytes, bytesMax);
      next = cursor.offset;
    }
    return { records, next };
  }

  close(): void {
    for (const segment of this.#open.values()) segment.db.close();
    this.#open.clear();
    this.#cursors.clear();
  }

  #take(
    cursor: BatchCursor,
    topic: number,
    partition: number,
    records: LogRecord[],
    bytes: number,
    bytesMax: number,
  ): number {
    const before = cursor.offset;
    try {
      return cursor.take(records, bytes, bytesMax);
    } catch (error) {
      this.#cursors.delete(`${topic}/${partition}`);
      throw corrupt(topic, partition, before, (error as Error).message);
    }
  }

  /** The batch that holds `offset`, positioned there; `null` where it was cut. */
  #cursorAt(topic: number, partition: number, offset: number): BatchCursor | null {
    const key = `${topic}/${partition}`;
    const last = this.#cursors.get(key);
    if (last?.offset === offset && offset < last.end) return last;
    this.#cursors.delete(key);
    const row = this.#rowAt(topic, partition, offset);
    if (row.body === null) return null;
    const base = offsetOfBatch(row.id);
    try {
      const cursor = new BatchCursor(row.body, base, base + row.count, row.append_ms);
      cursor.skipTo(offset);
      this.#cursors.set(key, cursor);
      return cursor;
    } catch (error) {
      throw corrupt(topic, partition, offset, (error as Error).message);
    }
  }

  #endOfCut(topic: number, partition: number, offset: number): number {
    const row = this.#rowAt(topic, partition, offset);
    return offsetOfBatch(row.id) + row.count;
  }

  /** The intact row whose batch holds `offset`. */
  #rowAt(topic: number, partition: number, offset: number): BatchRow {
    try {
      const segment = this.#segmentOf(topic, partition, offset);
      const row = segment.find(partition, offset);
      if (row === undefined || offset >= offsetOfBatch(row.id) + row.count) {
        throw corrupt(topic, partition, offset, `${segment.path} does not hold it`);
      }
      if (!isIntact(row)) {
        throw corrupt(topic, partition, offset, `its batch in ${segment.path} fails its checksum`);
      }
      return row;
    } catch (error) {
      if (error instanceof Terminal) throw error;
      const message = (error as Error).message;
      const code = sqliteCode(error);
      if (code === sqlite.CORRUPT || code === sqlite.NOTADB) {
        throw corrupt(topic, partition, offset, message);
      }
      throw new Unavailable(
        "log",
        `Cannot read ${topicNames[topic]}/${partition} at offset ${offset}: ${message}`,
        { cause: error },
      );
    }
  }

  /** The newest segment whose base is not above `offset`. */
  #segmentOf(topic: number, partition: number, offset: number): OpenSegment {
    let low = this.#positions.get(topic, "oldest");
    let high = this.#positions.get(topic, "newest");
    // Most reads are at the end.
    if (this.#basesOf(topic, high)[partition]! <= offset) low = high;
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if (this.#basesOf(topic, middle)[partition]! <= offset) low = middle;
      else high = middle - 1;
    }
    return this.#segment(topic, low);
  }

  #basesOf(topic: number, number: number): readonly number[] {
    const key = `${topic}/${number}`;
    let bases = this.#bases.get(key);
    if (bases === undefined) {
      bases = readBases(this.#segment(topic, number).db).map(({ base }) => base);
      this.#bases.set(key, bases);
    }
    return bases;
  }

  #segment(topic: number, number: number): OpenSegment {
    const key = `${topic}/${number}`;
    let segment = this.#open.get(key);
    if (segment === undefined) {
      this.#makeRoom();
      const path = segmentPath(`${this.#dir}/${topicNames[topic]}`, number);
      const db = openSegmentToRead(path);
      segment = { path, db, find: batchFinder(db) };
    } else {
      this.#open.delete(key);
    }
    this.#open.set(key, segment);
    return segment;
  }

  /** Lets go of dropped segments and of the least recently used ones. */
  #makeRoom(): void {
    const isDropped = (key: string) => {
      const [topic, number] = key.split("/").map(Number) as [number, number];
      return number < this.#positions.get(topic, "oldest");
    };
    for (const [key, { db }] of this.#open) {
      if (!isDropped(key) && this.#open.size < openSegmentsMax) continue;
      db.close();
      this.#open.delete(key);
    }
    for (const key of this.#bases.keys()) if (isDropped(key)) this.#bases.delete(key);
  }
}

function corrupt(topic: number, partition: number, offset: number, why: string): Terminal {
  return new Terminal(
    "log_corrupt",
    `Cannot read ${topicNames[topic]}/${partition} at offset ${offset}: ${why}; restore DATA_DIR ` +
      `from a backup`,
  );
}
