/**
 * The log as the platform sees it: a pull port. Partitions are read by offset, by whoever keeps the
 * offset; nothing is pushed, nothing is acknowledged, no reader is known to the log.
 *
 * @module
 */
import type { TopicName } from "../../schema/topics.ts";

/** A record to append. Neither `key` nor `value` may hold a line feed; `key` no tab either. */
export interface NewRecord {
  readonly partition: number;
  readonly key: string;
  /** JSON text. */
  readonly value: string;
  /** W3C `traceparent` of the span that appends; only for a sampled trace, see `observability/traceparent.ts`. */
  readonly trace?: string;
}

/** A record as read back. */
export interface LogRecord {
  readonly offset: number;
  /** Append time, milliseconds since the Unix epoch; never decreases within a partition. */
  readonly timestamp: number;
  readonly key: string;
  readonly value: string;
  /** As it was appended; absent when it was. */
  readonly trace?: string;
}

/** `start`: the first offset that can be read; `end`: the offset the next record will get. */
export interface PartitionRange {
  readonly start: number;
  readonly end: number;
}

export interface Log {
  /**
   * Appends records, in their order within each partition; resolves when all are durable.
   *
   * @throws {Unavailable} nothing was written
   * @throws {OutcomeUnknown} some may have been written
   */
  append(topic: TopicName, records: readonly NewRecord[]): Promise<void>;

  /**
   * The records from `offset` on, at least one, up to about `maxBytes`; waits when `offset` is the
   * end. Resolves to an empty array only when `signal` aborts.
   *
   * @throws {OffsetMissing} `offset` lies below the start or beyond the end
   * @throws {Unavailable} the log cannot be read now
   */
  fetch(
    topic: TopicName,
    partition: number,
    offset: number,
    maxBytes: number,
    signal: AbortSignal,
  ): Promise<LogRecord[]>;

  /** The range of each partition of `topic`, indexed by partition. */
  ends(topic: TopicName): Promise<PartitionRange[]>;

  /** Allows records below `beforeOffset` to be dropped; whole segments go when their time or size is up. */
  trim(topic: TopicName, partition: number, beforeOffset: number): Promise<void>;

  close(): Promise<void>;
}
