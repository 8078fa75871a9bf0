/**
 * A segment: one SQLite file of flushes, `DIR/<topic>/<number>.db`. This file knows the file and
 * nothing of who writes or reads; a flush's row is in `flush.ts`.
 *
 * Never open a segment with anything but SQLite while the log runs: closing any descriptor of the
 * file drops the locks that SQLite holds on it in this process.
 *
 * @module
 */
import { DatabaseSync } from "node:sqlite";
import { Terminal } from "../../../schema/errors.ts";

/** Each block of flushes names all of them, and a reader holds blocks in memory. */
export const partitionsMax = 512;
const FORMAT = 2;
/** A reader's first look at a segment may have to wait for another connection's recovery of it. */
const BUSY_TIMEOUT_MS = 2000;
/** SQLite writes by the page: twice its default halves the calls, and adds an eighth to the bytes. */
const PAGE_BYTES = 8192;
/**
 * What is in the WAL when its writer should checkpoint. That holds up appends, so it is made small:
 * 2 MiB take 2 to 4 ms, 8 MiB made the p99 of appends 8 ms.
 */
export const checkpointBytes = 2 * 1024 * 1024;
/** When SQLite does so by itself, within a commit, should nobody have. */
const CHECKPOINT_PAGES = 4 * checkpointBytes / PAGE_BYTES;

/** Where a partition stood when the segment was made; `trim` moves while it is the newest. */
export interface PartitionBase {
  /** Offset of the first record that can be in this segment. */
  readonly base: number;
  /** Append time of the last record before, milliseconds; 0 for none. */
  readonly baseMs: number;
  /** Records below may be dropped. */
  readonly trim: number;
}

export function segmentPath(topicDir: string, number: number): string {
  return `${topicDir}/${number.toString().padStart(8, "0")}.db`;
}

/** Numbers of the segments in the folder, oldest first. */
export function segmentNumbers(topicDir: string): number[] {
  return [...Deno.readDirSync(topicDir)]
    .flatMap(({ name }) => /^\d{8}\.db$/.test(name) ? [Number(name.slice(0, 8))] : [])
    .sort((a, b) => a - b);
}

/** Removes a segment; its database file first, as a crash between must not leave half a segment. */
export function removeSegment(path: string): void {
  for (const file of [path, `${path}-wal`, `${path}-shm`]) {
    try {
      Deno.removeSync(file);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
}

/** Creates an empty segment; it exists durably, and wholly or not at all, when this returns. */
export function createSegment(path: string, bases: readonly PartitionBase[]): DatabaseSync {
  const db = open(path);
  try {
    db.exec(`
      BEGIN IMMEDIATE;
      -- Rows are only added, at the end: a flush writes few pages, one after the other.
      CREATE TABLE flush (
        id INTEGER PRIMARY KEY, append_ms INTEGER NOT NULL, crc INTEGER NOT NULL,
        parts TEXT NOT NULL, body BLOB NOT NULL);
      CREATE TABLE partition (
        id INTEGER PRIMARY KEY, base INTEGER NOT NULL, base_ms INTEGER NOT NULL,
        trim INTEGER NOT NULL);
      -- For people with a SQLite shell: what each flush has of each partition.
      CREATE VIEW batches AS
        SELECT flush.id AS flush, part.value ->> 0 AS partition, part.value ->> 1 AS base_offset,
               part.value ->> 2 AS count, datetime(append_ms / 1000, 'unixepoch') AS appended,
               part.value ->> 4 AS crc,
               CAST(substr(body, 1 + (
                 SELECT coalesce(sum(earlier.value ->> 3), 0) FROM json_each(parts) AS earlier
                 WHERE earlier.key < part.key), part.value ->> 3) AS TEXT) AS lines
        FROM flush, json_each(parts) AS part WHERE part.value ->> 2 > 0;
      PRAGMA user_version = ${FORMAT};`);
    const insert = db.prepare("INSERT INTO partition VALUES (?, ?, ?, ?)");
    bases.forEach(({ base, baseMs, trim }, partition) => insert.run(partition, base, baseMs, trim));
    db.exec("COMMIT");
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

/**
 * Opens a segment to write.
 *
 * @returns `null` when the file is an unfinished creation: nothing was ever in it
 * @throws {Terminal} `log_format`
 */
export function openSegment(path: string): DatabaseSync | null {
  const db = open(path);
  try {
    const { user_version: format } = db.prepare("PRAGMA user_version").get() as {
      user_version: number;
    };
    if (format === FORMAT) return db;
    const { tables } = db.prepare("SELECT count(*) AS tables FROM sqlite_schema").get() as {
      tables: number;
    };
    if (format !== 0 || tables !== 0) {
      throw new Terminal(
        "log_format",
        `Cannot open ${path} as its format is ${format} and this version reads ${FORMAT}: start ` +
          `on an empty DATA_DIR, or with the version that wrote this one`,
      );
    }
    db.close();
    return null;
  } catch (error) {
    if (db.isOpen) db.close();
    throw error;
  }
}

function open(path: string): DatabaseSync {
  const db = new DatabaseSync(path, { timeout: BUSY_TIMEOUT_MS });
  try {
    // Says something to a new file only, and only before the next.
    db.exec(`PRAGMA page_size = ${PAGE_BYTES}`);
    const { journal_mode: mode } = db.prepare("PRAGMA journal_mode = WAL").get() as {
      journal_mode: string;
    };
    if (mode !== "wal") {
      throw new Terminal(
        "log_file_system",
        `Cannot use ${path} as its file system has no shared memory files: SQLite's journal mode ` +
          `is '${mode}', expected 'wal'; put DATA_DIR on a local disk`,
      );
    }
    // FULL: the commit returns after the fsync. The next two make macOS do it to the platter too.
    db.exec(`PRAGMA synchronous = FULL; PRAGMA fullfsync = ON; PRAGMA checkpoint_fullfsync = ON;
      PRAGMA wal_autocheckpoint = ${CHECKPOINT_PAGES}; PRAGMA journal_size_limit = 33554432;`);
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

/** Opens a segment to read, beside its writer. */
export function openSegmentToRead(path: string): DatabaseSync {
  return new DatabaseSync(path, { readOnly: true, timeout: BUSY_TIMEOUT_MS });
}

/** The partitions' bases, indexed by partition. */
export function readBases(db: DatabaseSync): PartitionBase[] {
  const rows = db.prepare("SELECT base, base_ms, trim FROM partition ORDER BY id").all() as {
    base: number;
    base_ms: number;
    trim: number;
  }[];
  return rows.map((row) => ({ base: row.base, baseMs: row.base_ms, trim: row.trim }));
}

/** SQLite's primary result code of an error thrown by `node:sqlite`; 0 for any other error. */
export function sqliteCode(error: unknown): number {
  const code = (error as { errcode?: unknown } | null)?.errcode;
  return typeof code === "number" ? code & 0xff : 0;
}

/** Primary result codes the log decides by. Source: https://sqlite.org/rescode.html */
export const sqlite = { BUSY: 5, IOERR: 10, CORRUPT: 11, FULL: 13, NOTADB: 26 } as const;
