/**
 * The writing side of one topic: appends flushes to the newest segment, rolls it, drops the oldest.
 * Synchronous; it runs in the writer's worker.
 *
 * @module
 */
import type { DatabaseSync, StatementSync } from "node:sqlite";
import { crc32 } from "node:zlib";
import { OutcomeUnknown, Unavailable } from "../../../schema/errors.ts";
import { topicNames } from "../../../schema/topics.ts";
import type { Positions } from "./positions.ts";
import { type FlushRow, flushRow, isFirstOfBlock, type Part } from "./flush.ts";
import { basesOf, type CutReport, recoverTopic } from "./recovery/recover_topic.ts";
import {
  checkpointBytes,
  createSegment,
  type PartitionBase,
  removeSegment,
  segmentPath,
  sqlite,
  sqliteCode,
} from "./segment.ts";

/** What is to be appended at once. */
export interface Flush {
  /** At most one of a partition, in the order of their text. */
  readonly parts: readonly FlushPart[];
  /** The parts' text, one after the other. */
  readonly body: Uint8Array;
}

export interface FlushPart {
  readonly partition: number;
  readonly count: number;
  /** Of the text. */
  readonly bytes: number;
}

/** Beyond its text a flush takes its directory, parts of pages, and the first pages of a segment. */
const sparePages = 8;

export interface TopicWriterOptions {
  readonly segmentBytesMax: number;
  readonly topicBytesMax: number;
  readonly onCut: (report: CutReport) => void;
  /** Something went wrong that harms no append: a segment that could not be rolled or dropped. */
  readonly onProblem: (message: string) => void;
}

export class TopicWriter {
  readonly name: string;
  readonly #retentionMs: number;
  readonly #dir: string;
  readonly #ends: number[];
  readonly #trims: number[];
  readonly #sealedBytes: Map<number, number>;
  readonly #bases = new Map<number, readonly PartitionBase[]>();
  #oldest: number;
  #newest: number;
  /** The last flush of the newest segment; 0 for none. */
  #lastFlush: number;
  #lastMs: number;
  #activeBytes = 0;
  /** About what was written since the last checkpoint. */
  #walBytes = 0;
  #pageBytes = 0;
  #db: DatabaseSync;
  #begin!: StatementSync;
  #commit!: StatementSync;
  #insert!: StatementSync;
  #pages!: StatementSync;
  #trim!: StatementSync;

  /** @throws {Terminal} see {@link recoverTopic} */
  constructor(
    readonly topic: number,
    logDir: string,
    readonly positions: Positions,
    readonly options: TopicWriterOptions,
  ) {
    this.name = topicNames[topic]!;
    this.#dir = `${logDir}/${this.name}`;
    this.#retentionMs = positions.topics[topicNames[topic]!].retentionMs;
    const found = recoverTopic(
      this.name,
      positions.partitions(topic),
      this.#dir,
      options.onCut,
    );
    this.#ends = found.ends;
    this.#trims = found.trims;
    this.#sealedBytes = found.sealedBytes;
    this.#oldest = found.oldest;
    this.#newest = found.newest;
    this.#lastFlush = found.lastFlush;
    this.#lastMs = found.lastMs;
    this.#db = found.db;
    this.#prepare();
    positions.set(topic, "oldest", this.#oldest);
    positions.set(topic, "newest", this.#newest);
    found.starts.forEach((start, p) => positions.setStart(topic, p, start));
    found.ends.forEach((end, p) => positions.setEnd(topic, p, end));
    this.#countBytes();
  }

  /**
   * Appends all of a flush in one transaction; durable when it returns.
   *
   * @param nowMs append time; held at the topic's last when it lies before
   * @throws {Unavailable} nothing was written
   * @throws {OutcomeUnknown} the writer must not go on: recovery finds out what was written
   */
  append({ parts, body }: Flush, nowMs: number): void {
    this.#makeRoom(body.length, nowMs);
    const row = this.#rowOf(parts, body, Math.max(nowMs, this.#lastMs));
    this.#transaction(() => {
      this.#insert.run(row.id, row.append_ms, row.crc, row.parts, row.body);
    });
    this.#lastFlush = row.id;
    this.#lastMs = row.append_ms;
    let records = 0;
    for (const { partition, count } of parts) {
      records += count;
      this.#ends[partition]! += count;
      this.positions.setEnd(this.topic, partition, this.#ends[partition]!);
    }
    this.positions.add(this.topic, "flushes", 1);
    this.positions.add(this.topic, "records", records);
    this.positions.add(this.topic, "bodyBytes", body.length);
    // Its directory and page, and that of the tree above.
    this.#walBytes += body.length + 2 * this.#pageBytes;
    this.#countBytes();
  }

  /**
   * Does what may be due after an append: moves the WAL into the segment, or rolls that. Not part of
   * the append, which has succeeded, so that nobody waits for it who was appended already.
   */
  tend(): void {
    if (this.#walBytes >= checkpointBytes) this.#checkpoint();
    if (this.#activeBytes < this.options.segmentBytesMax) return;
    try {
      this.#roll();
    } catch (error) {
      this.options.onProblem(
        `Cannot roll ${this.name}, going on in segment ${this.#newest}: ${
          (error as Error).message
        }`,
      );
    }
  }

  /**
   * Moves trim marks up; durable when it returns.
   *
   * @throws {Unavailable} as append
   * @throws {OutcomeUnknown} as append
   */
  trim(marks: readonly (readonly [partition: number, beforeOffset: number])[]): void {
    const moved = new Map<number, number>();
    for (const [partition, beforeOffset] of marks) {
      const mark = Math.min(beforeOffset, this.#ends[partition]!);
      if (mark > (moved.get(partition) ?? this.#trims[partition]!)) moved.set(partition, mark);
    }
    if (moved.size === 0) return;
    this.#transaction(() => moved.forEach((mark, partition) => this.#trim.run(mark, partition)));
    moved.forEach((mark, partition) => this.#trims[partition] = mark);
  }

  /**
   * Drops, oldest first, segments that all have read and whose time or size is up.
   *
   * @param bytesWanted room to make below the size cap. @default 0
   */
  retain(nowMs: number, bytesWanted = 0): void {
    try {
      while (this.#mayDropOldest(nowMs, bytesWanted)) {
        if (this.#oldest === this.#newest) this.#roll();
        this.#dropOldest();
      }
    } catch (error) {
      this.options.onProblem(
        `Cannot drop segment ${this.#oldest} of ${this.name}: ${(error as Error).message}`,
      );
    }
  }

  close(): void {
    this.#db.close();
  }

  #rowOf(parts: readonly FlushPart[], body: Uint8Array, appendMs: number): FlushRow {
    const id = this.#lastFlush + 1;
    let start = 0;
    const stored: Part[] = parts.map(({ partition, count, bytes }) => {
      const crc = crc32(body.subarray(start, start += bytes));
      return { partition, base: this.#ends[partition]!, count, bytes, crc };
    });
    if (isFirstOfBlock(id)) {
      const named = new Set(parts.map(({ partition }) => partition));
      this.#ends.forEach((base, partition) => {
        if (!named.has(partition)) stored.push({ partition, base, count: 0, bytes: 0, crc: 0 });
      });
    }
    return flushRow(id, appendMs, stored, body);
  }

  /** True when dropping the oldest segment passes no reader and is due at `nowMs`. */
  #mayDropOldest(nowMs: number, bytesWanted: number): boolean {
    const isActive = this.#oldest === this.#newest;
    const after = isActive ? this.#ends : this.#basesOf(this.#oldest + 1).map(({ base }) => base);
    const lastMs = isActive
      ? this.#lastMs
      : Math.max(...this.#basesOf(this.#oldest + 1).map(({ baseMs }) => baseMs));
    const isEmpty = after.every((end, p) => end === this.positions.start(this.topic, p));
    const isRead = after.every((end, p) => end <= this.#trims[p]!);
    if (isActive && isEmpty) return false;
    return isRead && (nowMs - lastMs > this.#retentionMs || this.#isOverCap(bytesWanted));
  }

  #dropOldest(): void {
    const bases = this.#basesOf(this.#oldest + 1);
    // Readers stop looking before the file goes.
    bases.forEach(({ base }, p) => this.positions.setStart(this.topic, p, base));
    removeSegment(segmentPath(this.#dir, this.#oldest));
    this.#sealedBytes.delete(this.#oldest);
    this.#bases.delete(this.#oldest);
    this.#oldest++;
    this.positions.set(this.topic, "oldest", this.#oldest);
    this.#countBytes();
  }

  #makeRoom(bytes: number, nowMs: number): void {
    if (!this.#isOverCap(bytes)) return;
    this.retain(nowMs, bytes);
    if (!this.#isOverCap(bytes)) return;
    this.positions.add(this.topic, "refused", 1);
    throw new Unavailable(
      "log",
      `Cannot append to ${this.name} as it holds ${this.#bytes()} bytes, ${bytes} more would pass ` +
        `its cap logBytesMaxPerTopic of ${this.options.topicBytesMax}, and its oldest segment has ` +
        `records that a stage has not read`,
    );
  }

  #isOverCap(bytes: number): boolean {
    return this.#bytes() + bytes + sparePages * this.#pageBytes > this.options.topicBytesMax;
  }

  #checkpoint(): void {
    this.#walBytes = 0;
    try {
      // PASSIVE never waits for a reader; what it leaves goes with the next.
      this.#db.exec("PRAGMA wal_checkpoint(PASSIVE)");
    } catch (error) {
      this.options.onProblem(`Cannot checkpoint ${this.name}: ${(error as Error).message}`);
    }
  }

  #roll(): void {
    const bases = this.#ends.map((base, p) => ({
      base,
      baseMs: this.#lastMs,
      trim: this.#trims[p]!,
    }));
    const path = segmentPath(this.#dir, this.#newest + 1);
    const full = this.#db;
    try {
      this.#db = createSegment(path, bases);
    } catch (error) {
      removeSegment(path);
      throw error;
    }
    this.#prepare();
    this.#walBytes = 0;
    this.#newest++;
    this.#lastFlush = 0;
    this.#bases.set(this.#newest, bases);
    this.positions.set(this.topic, "newest", this.#newest);
    const sealed = this.#newest - 1;
    try {
      // PASSIVE never waits for a reader; what it leaves in the WAL is read from there.
      full.exec("PRAGMA wal_checkpoint(PASSIVE)");
      full.close();
    } catch (error) {
      this.options.onProblem(
        `Cannot settle segment ${sealed} of ${this.name}: ${(error as Error).message}`,
      );
    }
    this.#sealedBytes.set(sealed, Deno.statSync(segmentPath(this.#dir, sealed)).size);
    this.#countBytes();
  }

  #prepare(): void {
    // Prepared, as errors of `exec` come without SQLite's code.
    this.#begin = this.#db.prepare("BEGIN IMMEDIATE");
    this.#commit = this.#db.prepare("COMMIT");
    this.#insert = this.#db.prepare("INSERT INTO flush VALUES (?, ?, ?, ?, ?)");
    this.#pages = this.#db.prepare("PRAGMA page_count");
    this.#pageBytes =
      (this.#db.prepare("PRAGMA page_size").get() as { page_size: number }).page_size;
    this.#trim = this.#db.prepare("UPDATE partition SET trim = ? WHERE id = ?");
  }

  #transaction(write: () => void): void {
    try {
      this.#begin.run();
      write();
    } catch (error) {
      this.#rollback();
      throw new Unavailable("log", `Cannot write to ${this.name}: ${(error as Error).message}`, {
        cause: error,
      });
    }
    try {
      this.#commit.run();
    } catch (error) {
      // On a full disk the frame that commits was not written. After anything else, a failed fsync
      // above all, nobody knows what a restart will find.
      const isWritten = sqliteCode(error) !== sqlite.FULL;
      this.#rollback();
      const message = `Cannot commit to ${this.name}: ${(error as Error).message}`;
      if (isWritten) throw new OutcomeUnknown("log", message, { cause: error });
      throw new Unavailable("log", message, { cause: error });
    }
  }

  #rollback(): void {
    try {
      this.#db.exec("ROLLBACK");
    } catch {
      // SQLite has rolled back by itself, as it does on a full disk.
    }
  }

  #basesOf(number: number): readonly PartitionBase[] {
    let bases = this.#bases.get(number);
    if (bases === undefined) {
      bases = basesOf(segmentPath(this.#dir, number));
      this.#bases.set(number, bases);
    }
    return bases;
  }

  #bytes(): number {
    return this.positions.get(this.topic, "bytes");
  }

  #countBytes(): void {
    const { page_count: pages } = this.#pages.get() as { page_count: number };
    this.#activeBytes = pages * this.#pageBytes;
    let bytes = this.#activeBytes;
    for (const sealed of this.#sealedBytes.values()) bytes += sealed;
    this.positions.set(this.topic, "bytes", bytes);
  }
}
