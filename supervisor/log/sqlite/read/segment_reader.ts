/**
 * The reading side: finds the segment and the flush of an offset, checks and decodes what it has of
 * the partition. One per thread; it reads the files itself, so reading costs the writer nothing.
 *
 * @module
 */
import type { DatabaseSync, StatementSync } from "node:sqlite";
import { Terminal, Unavailable } from "../../../../schema/errors.ts";
import { limits } from "../../../../schema/limits.ts";
import { topicNames } from "../../../../schema/topics.ts";
import type { LogRecord } from "../../log.ts";
import { BatchCursor } from "../../record_text.ts";
import { type PlacedPart, textOf } from "../flush.ts";
import type { Positions } from "../positions.ts";
import { openSegmentToRead, readBases, segmentPath, sqlite, sqliteCode } from "../segment.ts";
import { type Block, FlushIndex } from "./flush_index.ts";
import { Recent } from "./recent.ts";

/** Open segments a thread keeps; each has three descriptors and a page cache of at most 2 MiB. */
const openSegmentsMax = 12;
/**
 * Parts of directories a thread keeps: 60 to 90 bytes each, 3 MiB in all. A block of a topic with 12
 * partitions has 1,536 at most; one with 512 has 65,536 and is kept alone, with 6 MiB.
 */
const indexedPartsMax = 32 * 1024;
/**
 * Bytes of bodies a thread keeps, or the one that is larger: its partitions read much the same
 * flushes, so that each is fetched once for all of them.
 */
const bodyBytesMax = 8 * 1024 * 1024;
/**
 * A read that has so many records fetches no further body. So readers that are far behind stay so
 * close together that what one fetched is there for the others; and none pauses, as after few.
 */
const recordsEnough = 2 * limits.fetchRecordsLow;

interface OpenSegment {
  readonly path: string;
  readonly db: DatabaseSync;
  readonly index: FlushIndex;
  readonly body: StatementSync;
}

/** The part of a flush that holds an offset, and the file it is in. */
interface Located {
  readonly key: string;
  readonly segment: OpenSegment;
  readonly part: PlacedPart;
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
  readonly #blocks = new Recent<Block>(indexedPartsMax);
  /** By `topic/number/flush`. */
  readonly #bodies = new Recent<Uint8Array>(bodyBytesMax, free);
  /** By `topic/partition`: the part that the last read ended in. */
  readonly #cursors = new Map<string, BatchCursor>();

  constructor(dir: string, positions: Positions) {
    this.#dir = dir;
    this.#positions = positions;
  }

  /**
   * Records from `offset` on; `end` is the partition's end as loaded by the caller, above `offset`.
   *
   * @throws {Terminal} `log_corrupt`: what holds `offset` is damaged
   * @throws {Unavailable} a file cannot be read now, or was dropped meanwhile
   */
  read(topic: number, partition: number, offset: number, end: number, bytesMax: number): Found {
    const records: LogRecord[] = [];
    let next = offset;
    let bytes = 0;
    while (next < end && (records.length === 0 || bytes < bytesMax)) {
      let cursor: BatchCursor | number | undefined;
      try {
        const mayFetch = records.length < recordsEnough;
        cursor = this.#cursorAt(topic, partition, next, mayFetch);
      } catch (error) {
        // What is good goes out first; the next fetch starts at the fault.
        if (records.length > 0) break;
        throw error;
      }
      if (cursor === undefined) break;
      if (typeof cursor === "number") {
        next = cursor;
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
    this.#blocks.clear();
    this.#bodies.clear();
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

  /**
   * The records from `offset` on; where they were cut, the offset behind the cut.
   *
   * @returns `undefined` when it had to be fetched, and may not
   */
  #cursorAt(
    topic: number,
    partition: number,
    offset: number,
    mayFetch: boolean,
  ): BatchCursor | number | undefined {
    const key = `${topic}/${partition}`;
    const last = this.#cursors.get(key);
    if (last?.offset === offset && offset < last.end) return last;
    this.#cursors.delete(key);
    let located: Located;
    let text: Uint8Array;
    try {
      located = this.#locate(topic, partition, offset);
      const { base, count, bytes } = located.part;
      if (bytes === 0) return base + count;
      if (!mayFetch && this.#bodies.get(located.key) === undefined) return undefined;
      text = this.#text(located);
    } catch (error) {
      throw fault(topic, partition, offset, error);
    }
    try {
      const { base, count, appendMs } = located.part;
      const cursor = new BatchCursor(text, base, base + count, appendMs);
      cursor.skipTo(offset);
      this.#cursors.set(key, cursor);
      return cursor;
    } catch (error) {
      throw corrupt(topic, partition, offset, (error as Error).message);
    }
  }

  /** @throws {RangeError} no segment has it */
  #locate(topic: number, partition: number, offset: number): Located {
    const number = this.#numberOf(topic, partition, offset);
    const segment = this.#segment(topic, number);
    try {
      const part = segment.index.find(partition, offset);
      return { key: `${topic}/${number}/${part.flush}`, segment, part };
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      throw new RangeError(`${segment.path}: ${error.message}`);
    }
  }

  /** @throws {RangeError} the text is damaged or gone */
  #text({ key, segment, part }: Located): Uint8Array {
    let body = this.#bodies.get(key);
    if (body === undefined) {
      body = (segment.body.get(part.flush) as { body: Uint8Array } | undefined)?.body;
      if (body !== undefined) this.#bodies.set(key, body, body.length);
    }
    const text = body === undefined ? undefined : textOf(part, body);
    if (text !== undefined) return text;
    throw new RangeError(`its text in flush ${part.flush} of ${segment.path} fails its checksum`);
  }

  /** The newest segment whose base is not above `offset`. */
  #numberOf(topic: number, partition: number, offset: number): number {
    let low = this.#positions.get(topic, "oldest");
    let high = this.#positions.get(topic, "newest");
    // Most reads are at the end.
    if (this.#basesOf(topic, high)[partition]! <= offset) low = high;
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if (this.#basesOf(topic, middle)[partition]! <= offset) low = middle;
      else high = middle - 1;
    }
    return low;
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
      segment = {
        path,
        db,
        index: new FlushIndex(key, db, this.#blocks),
        body: db.prepare("SELECT body FROM flush WHERE id = ?"),
      };
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

/**
 * Gives a body's memory back now. Left to itself it would go with the next full collection, as a second is
 * long enough to outlive the young heap; and V8 begins one the sooner the more of it there is.
 */
function free(body: Uint8Array): void {
  (body.buffer as ArrayBuffer).transfer(0);
}

/** What an error of finding `offset` is to a reader: damage, or a file that cannot be read now. */
function fault(topic: number, partition: number, offset: number, error: unknown): Error {
  const { message } = error as Error;
  const code = sqliteCode(error);
  if (code === sqlite.CORRUPT || code === sqlite.NOTADB || error instanceof RangeError) {
    return corrupt(topic, partition, offset, message);
  }
  return new Unavailable(
    "log",
    `Cannot read ${topicNames[topic]}/${partition} at offset ${offset}: ${message}`,
    { cause: error },
  );
}

function corrupt(topic: number, partition: number, offset: number, why: string): Terminal {
  return new Terminal(
    "log_corrupt",
    `Cannot read ${topicNames[topic]}/${partition} at offset ${offset}: ${why}; restore DATA_DIR ` +
      `from a backup`,
  );
}
