/**
 * Finds where each partition of the newest segment ends, and cuts a last flush that did not reach
 * the disk whole. Damage before the last flush is left to those who read it.
 *
 * @module
 */
import type { DatabaseSync } from "node:sqlite";
import { Terminal } from "../../../../schema/errors.ts";
import { limits } from "../../../../schema/limits.ts";
import {
  directoryColumns,
  type DirectoryRow,
  flushesPerBlock,
  type FlushRow,
  flushRow,
  type Part,
  partsOf,
  type PlacedPart,
  textOf,
} from "../flush.ts";
import type { PartitionBase } from "../segment.ts";

/** Tells of lost offsets: `from` up to, not including, `to`. */
type OnCut = (partition: number, from: number, to: number) => void;

export interface Tail {
  /** By partition. */
  readonly ends: number[];
  /** Append time of the last record, milliseconds; 0 for none. */
  readonly lastMs: number;
  /** Number of the last flush; 0 for none. */
  readonly lastFlush: number;
}

/** No flush has more records: each takes two bytes, and a client's queue bounds an append. */
const flushRecordsMax = limits.appendQueueBytesMax / 2;

/**
 * @param file the segment's path, for messages
 * @throws {Terminal} `log_corrupt`: a flush lies below the segment's first offsets
 */
export function recoverTail(
  db: DatabaseSync,
  bases: readonly PartitionBase[],
  file: string,
  onCut: OnCut,
): Tail {
  const last = db.prepare(`SELECT ${directoryColumns}, body FROM flush ORDER BY id DESC LIMIT 1`)
    .get() as unknown as FlushRow | undefined;
  const parts = last === undefined ? undefined : partsOf(last);
  if (last !== undefined && parts !== undefined) cutDamagedText(db, last, parts, onCut);
  const { ends, lastMs } = endsOf(db, bases, file);
  if (last !== undefined && parts === undefined) cutWhole(db, last.id, ends, lastMs, onCut);
  return { ends, lastMs, lastFlush: last?.id ?? 0 };
}

/** The directory tells what is lost: those parts whose text is damaged. */
function cutDamagedText(
  db: DatabaseSync,
  last: FlushRow,
  parts: readonly PlacedPart[],
  onCut: OnCut,
): void {
  const texts = parts.map((part) => textOf(part, last.body));
  if (!texts.includes(undefined)) return;
  const kept = parts.map((part, i) =>
    texts[i] === undefined ? { ...part, bytes: 0, crc: 0 } : part
  );
  const body = new Uint8Array(kept.reduce((sum, { bytes }) => sum + bytes, 0));
  let position = 0;
  for (const text of texts) {
    if (text === undefined) continue;
    body.set(text, position);
    position += text.length;
  }
  replace(db, flushRow(last.id, last.append_ms, kept, body));
  parts.forEach(({ partition, base, count }, i) => {
    if (texts[i] === undefined) onCut(partition, base, base + count);
  });
}

/** The directory is damaged: a hole in each partition, which `ends` has counted already. */
function cutWhole(
  db: DatabaseSync,
  id: number,
  ends: readonly number[],
  lastMs: number,
  onCut: OnCut,
): void {
  const parts = ends.map((end, partition): Part => ({
    partition,
    base: end - flushRecordsMax,
    count: flushRecordsMax,
    bytes: 0,
    crc: 0,
  }));
  replace(db, flushRow(id, lastMs, parts, new Uint8Array()));
  for (const { partition, base, count } of parts) onCut(partition, base, base + count);
}

function replace(db: DatabaseSync, { id, append_ms, crc, parts, body }: FlushRow): void {
  db.prepare("UPDATE flush SET append_ms = ?, crc = ?, parts = ?, body = ? WHERE id = ?")
    .run(append_ms, crc, parts, body, id);
}

/**
 * Walks back until each partition was seen; that ends at the first flush of a block, which names
 * all. A flush that is gone, or whose directory is damaged, may have had records of any partition
 * that is not seen after it: as many as a flush can have, so that no offset is given twice.
 */
function endsOf(
  db: DatabaseSync,
  bases: readonly PartitionBase[],
  file: string,
): { ends: number[]; lastMs: number } {
  const ends: (number | undefined)[] = bases.map(() => undefined);
  let unseen = ends.length;
  let lastMs: number | undefined;
  let lost = 0;
  let next: number | undefined;
  for (const row of directoriesBackwards(db)) {
    lost += (next ?? row.id + 1) - row.id - 1;
    next = row.id;
    const parts = partsOf(row);
    if (parts === undefined) lost++;
    else lastMs ??= row.append_ms;
    for (const { partition, base, count } of parts ?? []) {
      assertNotBelow(bases[partition]!, base, partition, file);
      if (ends[partition] !== undefined) continue;
      ends[partition] = base + count + lost * flushRecordsMax;
      unseen--;
    }
    if (unseen === 0) break;
  }
  lost += (next ?? 1) - 1;
  return {
    ends: ends.map((end, p) => end ?? bases[p]!.base + lost * flushRecordsMax),
    lastMs: lastMs ?? Math.max(...bases.map(({ baseMs }) => baseMs)),
  };
}

function* directoriesBackwards(db: DatabaseSync): Generator<DirectoryRow> {
  const select = db.prepare(
    `SELECT ${directoryColumns} FROM flush WHERE id < ? ORDER BY id DESC LIMIT ${flushesPerBlock}`,
  );
  let rows: DirectoryRow[];
  let before = Number.MAX_SAFE_INTEGER;
  do {
    rows = select.all(before) as unknown as DirectoryRow[];
    yield* rows;
    before = rows.at(-1)?.id ?? 0;
  } while (rows.length === flushesPerBlock);
}

function assertNotBelow({ base }: PartitionBase, found: number, partition: number, file: string) {
  if (found >= base) return;
  throw new Terminal(
    "log_corrupt",
    `Cannot open ${file} as it holds offset ${found} of partition ${partition}, which is below ` +
      `its first, ${base}`,
  );
}
