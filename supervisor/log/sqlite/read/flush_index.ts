/**
 * Finds the flush of an offset in a segment. Flushes are found by their number, offsets differ by
 * partition; so directories are read, a block of flushes at a time, and kept while they are used.
 *
 * @module
 */
import type { DatabaseSync, StatementSync } from "node:sqlite";
import {
  blockOf,
  directoryColumns,
  type DirectoryRow,
  flushesPerBlock,
  partsOf,
  type PlacedPart,
} from "../flush.ts";
import type { Recent } from "./recent.ts";

/** The numbers of a part, each from the first of its own on. */
const number = { base: 0, count: 1, bytes: 2, crc: 3, start: 4, flush: 5, appendMs: 6 } as const;
const numbersEach = 7;

/**
 * Parts of one partition, in the order of their offsets. Their numbers lie in one array: an object for each
 * was a sixth of what the garbage collector had to mark in a shard's thread.
 */
class PartList {
  /** Doubles that lie in the array itself. */
  readonly #numbers: number[] = [];

  constructor(readonly partition: number) {}

  add({ base, count, bytes, crc, start, flush, appendMs }: PlacedPart): void {
    this.#numbers.push(base, count, bytes, crc, start, flush, appendMs);
  }

  at(index: number): PlacedPart {
    const of = (which: number) => this.#numbers[index * numbersEach + which]!;
    return {
      partition: this.partition,
      base: of(number.base),
      count: of(number.count),
      bytes: of(number.bytes),
      crc: of(number.crc),
      start: of(number.start),
      flush: of(number.flush),
      appendMs: of(number.appendMs),
    };
  }

  /** The part that holds `offset`. */
  find(offset: number): PlacedPart | undefined {
    let low = 0;
    let high = this.#numbers.length / numbersEach - 1;
    if (this.#baseAt(low) > offset) return undefined;
    // The newest is asked for most.
    if (this.#baseAt(high) <= offset) low = high;
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if (this.#baseAt(middle) <= offset) low = middle;
      else high = middle - 1;
    }
    const part = this.at(low);
    return offset < part.base + part.count ? part : undefined;
  }

  #baseAt(index: number): number {
    return this.#numbers[index * numbersEach + number.base]!;
  }
}

/** The directories of a block, as far as they were written when it was last read. */
export class Block {
  /** The flush up to which it was read. */
  #read: number;
  /** Flushes whose directories are damaged. */
  readonly damaged: number[] = [];
  /** By partition; none is empty. */
  readonly #parts = new Map<number, PartList>();
  /** Of all partitions. */
  size = 0;

  constructor(readonly number: number) {
    this.#read = number * flushesPerBlock;
  }

  /** Nothing will be added to a full block. */
  get isFull(): boolean {
    return this.#read === (this.number + 1) * flushesPerBlock;
  }

  /** Takes in what was written since the last time. */
  readOn(directories: StatementSync): void {
    const end = (this.number + 1) * flushesPerBlock;
    for (const row of directories.all(this.#read, end) as unknown as DirectoryRow[]) {
      this.#read = row.id;
      const parts = partsOf(row);
      if (parts === undefined) this.damaged.push(row.id);
      for (const part of parts ?? []) this.#add(part);
    }
  }

  /** What it says first of a partition. */
  first(partition: number): PlacedPart | undefined {
    return this.#parts.get(partition)?.at(0);
  }

  /** The part that holds `offset`. */
  find(partition: number, offset: number): PlacedPart | undefined {
    return this.#parts.get(partition)?.find(offset);
  }

  #add(part: PlacedPart): void {
    let parts = this.#parts.get(part.partition);
    if (parts === undefined) {
      parts = new PartList(part.partition);
      this.#parts.set(part.partition, parts);
    }
    parts.add(part);
    this.size++;
  }
}

export class FlushIndex {
  readonly #blocks: Recent<Block>;
  readonly #name: string;
  readonly #directories: StatementSync;
  readonly #newest: StatementSync;
  /** By partition: the block that the last was found in. */
  readonly #last = new Map<number, number>();

  /**
   * @param name of the segment, within `blocks`
   * @param blocks of all segments of the thread, weighed by their parts
   */
  constructor(name: string, db: DatabaseSync, blocks: Recent<Block>) {
    this.#blocks = blocks;
    this.#name = name;
    this.#directories = db.prepare(
      `SELECT ${directoryColumns} FROM flush WHERE id > ? AND id <= ? ORDER BY id`,
    );
    this.#newest = db.prepare("SELECT coalesce(max(id), 1) AS id FROM flush");
  }

  /**
   * The part that holds `offset`, which was written to this segment.
   *
   * @throws {RangeError} it is not there: its directory is damaged, or its flush is gone
   */
  find(partition: number, offset: number): PlacedPart {
    // Most go on where the last one was, or right behind.
    const last = this.#last.get(partition);
    if (last !== undefined) {
      const part = this.#findIn(last, partition, offset) ??
        this.#findIn(last + 1, partition, offset);
      if (part !== undefined) return part;
    }
    const number = this.#search(partition, offset);
    const part = this.#findIn(number, partition, offset);
    if (part === undefined) throw new RangeError(this.#whyMissing(number));
    return part;
  }

  #findIn(number: number, partition: number, offset: number): PlacedPart | undefined {
    const block = this.#block(number);
    let part = block.find(partition, offset);
    if (part === undefined && !block.isFull) {
      this.#readOn(block);
      part = block.find(partition, offset);
    }
    if (part !== undefined) this.#last.set(partition, number);
    return part;
  }

  /** The last block that begins at or below `offset`. */
  #search(partition: number, offset: number): number {
    const newest = blockOf((this.#newest.get() as { id: number }).id);
    let low = 0;
    let high = newest;
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if (this.#baseAt(middle, newest, partition) <= offset) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  /**
   * Where a partition stood when a block began. The block's first flush says it. Where that one is
   * damaged, what is said next serves as well: only offsets that it held itself lie between.
   */
  #baseAt(number: number, newest: number, partition: number): number {
    for (let next = number; next <= newest; next++) {
      const head = next * flushesPerBlock;
      const [row] = this.#directories.all(head, head + 1) as unknown as DirectoryRow[];
      const parts = row === undefined ? undefined : partsOf(row);
      const part = parts?.find((part) => part.partition === partition) ??
        this.#whole(next).first(partition);
      if (part !== undefined) return part.base;
    }
    return Infinity;
  }

  /** The flush that had it may be the first of the next block. */
  #whyMissing(number: number): string {
    const damaged = [number, number + 1].flatMap((near) => this.#whole(near).damaged);
    return damaged.length === 0
      ? "no flush has it"
      : `no flush has it, and the directory of flush ${damaged.join(", ")} fails its checksum`;
  }

  #block(number: number): Block {
    return this.#blocks.get(`${this.#name}/${number}`) ?? new Block(number);
  }

  #whole(number: number): Block {
    const block = this.#block(number);
    if (!block.isFull) this.#readOn(block);
    return block;
  }

  #readOn(block: Block): void {
    block.readOn(this.#directories);
    // One that is not there yet is no use to anybody.
    if (block.size > 0) this.#blocks.set(`${this.#name}/${block.number}`, block, block.size);
  }
}
