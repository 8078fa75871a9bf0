/**
 * What the writer does with a topic's folder before its first append: finds the segments and where
 * each partition starts and ends.
 *
 * @module
 */
import type { DatabaseSync } from "node:sqlite";
import { Terminal } from "../../../../schema/errors.ts";
import {
  createSegment,
  openSegment,
  type PartitionBase,
  partitionsMax,
  readBases,
  removeSegment,
  segmentNumbers,
  segmentPath,
  sqlite,
  sqliteCode,
} from "../segment.ts";
import { recoverTail } from "./recover_tail.ts";

/** A corrupt last flush was cut. The offsets in it are lost and are never given again. */
export interface CutReport {
  readonly topic: string;
  readonly partition: number;
  /**
   * The lost offsets: `from` up to, not including, `to`. Where the flush's directory was damaged,
   * too, that is a bound: nobody knows which partitions it had records of, nor how many.
   */
  readonly from: number;
  readonly to: number;
  readonly file: string;
}

export interface RecoveredTopic {
  /** The newest segment, open to write. */
  readonly db: DatabaseSync;
  readonly oldest: number;
  readonly newest: number;
  /** By partition. */
  readonly starts: number[];
  readonly ends: number[];
  readonly trims: number[];
  /** Number of the newest segment's last flush; 0 for none. */
  readonly lastFlush: number;
  /** Append time of the topic's last record, milliseconds; 0 for none. */
  readonly lastMs: number;
  /** By segment number, all but the newest. */
  readonly sealedBytes: Map<number, number>;
}

/**
 * Opens the topic's folder, or makes it.
 *
 * @throws {Terminal} `log_corrupt`, `log_format`, `log_file_system`, `partition_count_changed`
 */
export function recoverTopic(
  topic: string,
  partitions: number,
  topicDir: string,
  onCut: (report: CutReport) => void,
): RecoveredTopic {
  if (partitions > partitionsMax) {
    throw new Terminal(
      "partition_count",
      `Cannot keep ${topic} as it has ${partitions} partitions: the most is ${partitionsMax}`,
    );
  }
  Deno.mkdirSync(topicDir, { recursive: true });
  removeStrays(topicDir);
  const numbers = segmentNumbers(topicDir);
  const db = openNewest(topicDir, numbers, partitions);
  try {
    const newest = numbers.at(-1)!;
    assertConsecutive(topicDir, numbers);
    const file = segmentPath(topicDir, newest);
    const bases = readBases(db);
    assertPartitions(topic, bases.length, partitions);
    const tail = recoverTail(db, bases, file, (partition, from, to) => {
      onCut({ topic, partition, from, to, file });
    });
    const sealed = numbers.slice(0, -1);
    sealed.forEach((number) => settle(segmentPath(topicDir, number)));
    return {
      db,
      oldest: numbers[0]!,
      newest,
      starts: sealed.length === 0
        ? bases.map(({ base }) => base)
        : basesOf(segmentPath(topicDir, numbers[0]!)).map(({ base }) => base),
      ends: tail.ends,
      trims: bases.map(({ trim }) => trim),
      lastFlush: tail.lastFlush,
      lastMs: tail.lastMs,
      sealedBytes: new Map(
        sealed.map((number) => [number, Deno.statSync(segmentPath(topicDir, number)).size]),
      ),
    };
  } catch (error) {
    db.close();
    throw corruptIfMalformed(error, topicDir);
  }
}

/** The bases of a segment that is not open. */
export function basesOf(path: string): PartitionBase[] {
  const db = openSegment(path);
  if (db === null) throw new Terminal("log_corrupt", `Cannot read ${path} as it is empty`);
  try {
    return readBases(db);
  } catch (error) {
    throw corruptIfMalformed(error, path);
  } finally {
    db.close();
  }
}

/** Opens the newest segment; the first is made, an unfinished one is made away with. */
function openNewest(topicDir: string, numbers: number[], partitions: number): DatabaseSync {
  const newest = numbers.at(-1);
  if (newest === undefined) {
    numbers.push(1);
    const none = { base: 0, baseMs: 0, trim: 0 };
    return createSegment(segmentPath(topicDir, 1), Array(partitions).fill(none));
  }
  try {
    const db = openSegment(segmentPath(topicDir, newest));
    if (db !== null) return db;
  } catch (error) {
    throw corruptIfMalformed(error, segmentPath(topicDir, newest));
  }
  removeSegment(segmentPath(topicDir, newest));
  numbers.pop();
  return openNewest(topicDir, numbers, partitions);
}

/** Moves what a crash left in a sealed segment's WAL into the segment. */
function settle(path: string): void {
  try {
    if (Deno.statSync(`${path}-wal`).size === 0) return;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return;
    throw error;
  }
  const db = openSegment(path);
  db?.exec("PRAGMA wal_checkpoint(TRUNCATE)");
  db?.close();
}

/** Removes what a crash in the middle of {@link removeSegment} left. */
function removeStrays(topicDir: string): void {
  const names = new Set([...Deno.readDirSync(topicDir)].map(({ name }) => name));
  for (const name of names) {
    const database = name.replace(/-(wal|shm)$/, "");
    if (database !== name && !names.has(database)) Deno.removeSync(`${topicDir}/${name}`);
  }
}

function assertConsecutive(topicDir: string, numbers: readonly number[]): void {
  const gap = numbers.findIndex((number, i) => i > 0 && number !== numbers[i - 1]! + 1);
  if (gap < 0) return;
  throw new Terminal(
    "log_corrupt",
    `Cannot open the log as ${segmentPath(topicDir, numbers[gap]! - 1)} is missing between the ` +
      `segments around it; put it back from a backup`,
  );
}

function assertPartitions(topic: string, found: number, wanted: number): void {
  if (found === wanted) return;
  throw new Terminal(
    "partition_count_changed",
    `Cannot open ${topic} as it was made with ${found} partitions and ${wanted} are configured: ` +
      `keys would move; start with PARTITIONS=${found} or on an empty DATA_DIR`,
  );
}

function corruptIfMalformed(error: unknown, where: string): unknown {
  const code = sqliteCode(error);
  if (code !== sqlite.CORRUPT && code !== sqlite.NOTADB) return error;
  return new Terminal(
    "log_corrupt",
    `Cannot open the log as SQLite finds ${where} damaged: ${(error as Error).message}`,
    { cause: error },
  );
}
