/**
 * The memory that the writer shares with all readers: where each partition starts and ends, which
 * segments there are, and counters. A reader waits here for the end to move; it never polls.
 *
 * @module
 */
import { topicNames, type Topics } from "../../../schema/topics.ts";

/** Cells of the whole log. */
const STATE = 0;
const CLOCK_OFFSET_MS = 1;
const LOG_CELLS = 2;

/** Cells of a topic, followed by (start, end) of each partition. */
const topicCell = {
  /** Number of the oldest and the newest segment. */
  oldest: 0,
  newest: 1,
  /** Bytes of all segments. */
  bytes: 2,
  /** Since the writer started: transactions that appended, records and bodies appended, refusals. */
  flushes: 3,
  records: 4,
  bodyBytes: 5,
  refused: 6,
} as const;
const TOPIC_CELLS = 7;

export type TopicCell = keyof typeof topicCell;

const RUNNING = 0n;
const STOPPED = 1n;

/** A view of the shared cells. Topics are numbered as in `topicNames`. */
export class Positions {
  readonly #cells: BigInt64Array;
  readonly #base: readonly number[];

  /** @param buffer another view's, to share it. @default a new one, all zero */
  constructor(readonly topics: Topics, readonly buffer: SharedArrayBuffer = allocate(topics)) {
    this.#cells = new BigInt64Array(buffer);
    this.#base = topicNames.map((_, topic) => cellsBefore(topics, topic));
  }

  /** Partitions of a topic. */
  partitions(topic: number): number {
    return this.topics[topicNames[topic]!].partitions;
  }

  start(topic: number, partition: number): number {
    return this.#load(this.#startCell(topic, partition));
  }

  end(topic: number, partition: number): number {
    return this.#load(this.#startCell(topic, partition) + 1);
  }

  setStart(topic: number, partition: number, offset: number): void {
    this.#store(this.#startCell(topic, partition), offset);
  }

  /** Moves the end and wakes whoever waits for it. */
  setEnd(topic: number, partition: number, offset: number): void {
    this.#store(this.#startCell(topic, partition) + 1, offset);
    this.wakeReaders(topic, partition);
  }

  get(topic: number, cell: TopicCell): number {
    return this.#load(this.#base[topic]! + topicCell[cell]);
  }

  set(topic: number, cell: TopicCell, value: number): void {
    this.#store(this.#base[topic]! + topicCell[cell], value);
  }

  add(topic: number, cell: TopicCell, value: number): void {
    Atomics.add(this.#cells, this.#base[topic]! + topicCell[cell], BigInt(value));
  }

  /** What the writer adds to the system clock, milliseconds; not 0 in tests only. */
  get clockOffsetMs(): number {
    return this.#load(CLOCK_OFFSET_MS);
  }

  set clockOffsetMs(offsetMs: number) {
    this.#store(CLOCK_OFFSET_MS, Math.trunc(offsetMs));
  }

  /** True once the writer is gone; it never comes back on the same cells. */
  get stopped(): boolean {
    return Atomics.load(this.#cells, STATE) === STOPPED;
  }

  /** Declares the writer gone and tells everybody who waits for that. */
  stop(): void {
    Atomics.store(this.#cells, STATE, STOPPED);
    Atomics.notify(this.#cells, STATE);
  }

  /** Resolves when the writer is gone, or on {@link wakeWatchers}. */
  async changeOfState(): Promise<void> {
    await wait(this.#cells, STATE, RUNNING);
  }

  wakeWatchers(): void {
    Atomics.notify(this.#cells, STATE);
  }

  /** Resolves when the end is no longer `seen`, or on {@link wakeReaders}. */
  async changeOfEnd(topic: number, partition: number, seen: number): Promise<void> {
    await wait(this.#cells, this.#startCell(topic, partition) + 1, BigInt(seen));
  }

  wakeReaders(topic: number, partition: number): void {
    Atomics.notify(this.#cells, this.#startCell(topic, partition) + 1);
  }

  /** Wakes every waiting reader, to look again. */
  wakeAllReaders(): void {
    for (let topic = 0; topic < topicNames.length; topic++) {
      for (let p = 0; p < this.partitions(topic); p++) this.wakeReaders(topic, p);
    }
  }

  #startCell(topic: number, partition: number): number {
    return this.#base[topic]! + TOPIC_CELLS + 2 * partition;
  }

  #load(cell: number): number {
    return Number(Atomics.load(this.#cells, cell));
  }

  #store(cell: number, value: number): void {
    Atomics.store(this.#cells, cell, BigInt(value));
  }
}

function wait(cells: BigInt64Array, cell: number, seen: bigint): Promise<string> | string {
  return Atomics.waitAsync(cells, cell, seen).value;
}

function cellsBefore(topics: Topics, topic: number): number {
  return topicNames.slice(0, topic).reduce(
    (sum, name) => sum + TOPIC_CELLS + 2 * topics[name].partitions,
    LOG_CELLS,
  );
}

function allocate(topics: Topics): SharedArrayBuffer {
  return new SharedArrayBuffer(
    cellsBefore(topics, topicNames.length) * BigInt64Array.BYTES_PER_ELEMENT,
  );
}
