/**
 * The log in memory: for the simulator and for unit tests. Records that `trim` allows to be dropped
 * are dropped at once, the harshest reading of the port, so that a stage that trims too early fails.
 *
 * @module
 */
import { InvariantBroken, OffsetMissing, Unavailable } from "../../schema/errors.ts";
import { type TopicName, topicNames, type Topics } from "../../schema/topics.ts";
import type { Log, LogRecord, NewRecord, PartitionRange } from "./log.ts";
import { assertRecord } from "./record_text.ts";

interface MemoryPartition {
  /** Offset of `records[0]`. */
  start: number;
  readonly records: LogRecord[];
  lastMs: number;
  readonly waiting: Set<() => void>;
}

/** What outlives a {@link MemoryLog}: hand it to the next one to try a restart. */
export type MemoryLogStorage = Readonly<Record<TopicName, readonly MemoryPartition[]>>;

/** Empty partitions for each topic. */
function memoryLogStorage(topics: Topics): MemoryLogStorage {
  const partitions = (count: number) =>
    Array.from({ length: count }, () => ({
      start: 0,
      records: [],
      lastMs: 0,
      waiting: new Set<() => void>(),
    }));
  return Object.fromEntries(
    topicNames.map((name) => [name, partitions(topics[name].partitions)]),
  ) as unknown as MemoryLogStorage;
}

export interface MemoryLogOptions {
  readonly topics: Topics;
  /** Append time, milliseconds since the Unix epoch; a step backwards is held at the last value. */
  readonly now: () => number;
  /** @default fresh and empty */
  readonly storage?: MemoryLogStorage;
}

/** A {@link Log} without I/O; every append has taken effect when the call returns its promise. */
export class MemoryLog implements Log {
  readonly storage: MemoryLogStorage;
  readonly #now: () => number;
  #closed = false;

  constructor(options: MemoryLogOptions) {
    this.storage = options.storage ?? memoryLogStorage(options.topics);
    this.#now = options.now;
  }

  // deno-lint-ignore require-await -- a throw must reach the caller as a rejection
  async append(topic: TopicName, records: readonly NewRecord[]): Promise<void> {
    this.#assertOpen();
    const touched = new Set<MemoryPartition>();
    for (const record of records) {
      assertRecord(record);
      touched.add(this.#partition(topic, record.partition));
    }
    for (const partition of touched) partition.lastMs = Math.max(partition.lastMs, this.#now());
    for (const { partition: index, key, value, trace } of records) {
      const partition = this.#partition(topic, index);
      const offset = partition.start + partition.records.length;
      const timestamp = partition.lastMs;
      partition.records.push(
        trace === undefined
          ? { offset, timestamp, key, value }
          : { offset, timestamp, key, value, trace },
      );
    }
    for (const partition of touched) wakeAll(partition);
  }

  async fetch(
    topic: TopicName,
    partition: number,
    offset: number,
    maxBytes: number,
    signal: AbortSignal,
  ): Promise<LogRecord[]> {
    const source = this.#partition(topic, partition);
    for (;;) {
      this.#assertOpen();
      if (signal.aborted) return [];
      const { start, end } = rangeOf(source);
      if (offset < start || offset > end) {
        throw new OffsetMissing(topic, partition, offset, `${start} to ${end}`);
      }
      if (offset < end) return slice(source, offset, maxBytes);
      await changeOf(source, signal);
    }
  }

  // deno-lint-ignore require-await -- as append
  async ends(topic: TopicName): Promise<PartitionRange[]> {
    this.#assertOpen();
    return this.storage[topic].map(rangeOf);
  }

  // deno-lint-ignore require-await -- as append
  async trim(topic: TopicName, partition: number, beforeOffset: number): Promise<void> {
    this.#assertOpen();
    const target = this.#partition(topic, partition);
    const count = Math.min(beforeOffset - target.start, target.records.length);
    if (count <= 0) return;
    target.records.splice(0, count);
    target.start += count;
  }

  close(): Promise<void> {
    this.#closed = true;
    for (const name of topicNames) this.storage[name].forEach(wakeAll);
    return Promise.resolve();
  }

  #partition(topic: TopicName, partition: number): MemoryPartition {
    const found = this.storage[topic]?.[partition];
    if (found === undefined) {
      throw new InvariantBroken(
        `Cannot use ${topic}/${partition} as the topic has ${this.storage[topic]?.length ?? 0} ` +
          `partitions, numbered from 0`,
      );
    }
    return found;
  }

  #assertOpen(): void {
    if (this.#closed) throw new Unavailable("log", "Cannot use the log as it was closed");
  }
}

function rangeOf(partition: MemoryPartition): PartitionRange {
  return { start: partition.start, end: partition.start + partition.records.length };
}

function slice(partition: MemoryPartition, offset: number, maxBytes: number): LogRecord[] {
  const found: LogRecord[] = [];
  let bytes = 0;
  for (let i = offset - partition.start; i < partition.records.length; i++) {
    const record = partition.records[i]!;
    bytes += record.key.length + record.value.length + 2;
    if (bytes > maxBytes && found.length > 0) break;
    found.push(record);
  }
  return found;
}

function wakeAll(partition: MemoryPartition): void {
  const waiting = [...partition.waiting];
  partition.waiting.clear();
  for (const wake of waiting) wake();
}

/** Resolves at the next append, abort or close. */
function changeOf(partition: MemoryPartition, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const wake = () => {
      partition.waiting.delete(wake);
      signal.removeEventListener("abort", wake);
      resolve();
    };
    partition.waiting.add(wake);
    signal.addEventListener("abort", wake);
  });
}
