/**
 * The embedded log as its users hold it, in any thread: appends go to the writer's worker, reads go
 * to the files, and waiting is done on shared memory.
 *
 * @module
 */
import { InvariantBroken, OffsetMissing, Unavailable } from "../../../schema/errors.ts";
import { limits } from "../../../schema/limits.ts";
import { type TopicName, topicNames } from "../../../schema/topics.ts";
import type { Log, LogRecord, NewRecord, PartitionRange } from "../log.ts";
import { AppendQueue } from "./append_queue.ts";
import { Positions } from "./positions.ts";
import type { ClientAnswer, ClientMessage, LogConnection } from "./protocol.ts";
import { SegmentReader } from "./read/segment_reader.ts";

export interface SqliteLogOptions {
  /** Bytes of appends not yet durable, beyond which `append` is refused. @default limits.appendQueueBytesMax */
  readonly pendingBytesMax?: number;
  /** How long an append waits for the writer, milliseconds. @default limits.acceptTimeoutMs */
  readonly timeoutMs?: number;
}

/** Opens the log over a connection made by {@link startSqliteLogWriter}. */
export function openSqliteLog(
  connection: LogConnection,
  options: SqliteLogOptions = {},
): SqliteLog {
  return new SqliteLog(connection, options);
}

/** @see {@link openSqliteLog} */
export class SqliteLog implements Log {
  readonly #queue: AppendQueue;
  #connection!: LogConnection;
  #positions!: Positions;
  #reader!: SegmentReader;
  #isClosed = false;

  constructor(connection: LogConnection, options: SqliteLogOptions) {
    this.#queue = new AppendQueue({
      pendingBytesMax: options.pendingBytesMax ?? limits.appendQueueBytesMax,
      messageBytesMax: limits.logBatchBytesMax,
      timeoutMs: options.timeoutMs ?? limits.acceptTimeoutMs,
    });
    this.#use(connection);
  }

  /** True while the writer runs; `false` means that appends throw until {@link reconnect}. */
  get isConnected(): boolean {
    return !this.#isClosed && !this.#positions.stopped;
  }

  /** Bytes of appends that are not yet answered. */
  get pendingBytes(): number {
    return this.#queue.pendingBytes;
  }

  // deno-lint-ignore require-await -- a throw must reach the caller as a rejection
  async append(topic: TopicName, records: readonly NewRecord[]): Promise<void> {
    this.#assertOpen();
    this.#noticeStop();
    const index = this.#indexOf(topic);
    return this.#queue.append(index, records, this.#positions.partitions(index));
  }

  async fetch(
    topic: TopicName,
    partition: number,
    offset: number,
    maxBytes: number,
    signal: AbortSignal,
  ): Promise<LogRecord[]> {
    const index = this.#indexOf(topic, partition);
    let next = offset;
    for (;;) {
      this.#assertOpen();
      if (signal.aborted) return [];
      const start = this.#positions.start(index, partition);
      const end = this.#positions.end(index, partition);
      if (next < start || next > end) {
        throw new OffsetMissing(topic, partition, next, `${start} to ${end}`);
      }
      if (next === end) {
        await this.#change(index, partition, end, signal);
        continue;
      }
      const found = this.#read(index, partition, next, end, maxBytes);
      if (found === null) continue;
      if (found.records.length > 0) return found.records;
      next = found.next;
    }
  }

  // deno-lint-ignore require-await -- as append
  async ends(topic: TopicName): Promise<PartitionRange[]> {
    this.#assertOpen();
    const index = this.#indexOf(topic);
    return Array.from({ length: this.#positions.partitions(index) }, (_, p) => ({
      start: this.#positions.start(index, p),
      end: this.#positions.end(index, p),
    }));
  }

  // deno-lint-ignore require-await -- as append
  async trim(topic: TopicName, partition: number, beforeOffset: number): Promise<void> {
    this.#assertOpen();
    this.#noticeStop();
    return this.#queue.trim(this.#indexOf(topic, partition), partition, beforeOffset);
  }

  /** Goes on with a new writer over the same folder. Waiting fetches go on by themselves. */
  reconnect(connection: LogConnection): void {
    this.#assertOpen();
    const old = this.#positions;
    this.#leave("the log's writer was replaced");
    this.#use(connection);
    old.wakeAllReaders();
  }

  /** Waits for the appends under way, then lets go of everything; waiting fetches are rejected. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await this.#queue.idle();
    this.#leave("the log was closed");
    this.#positions.wakeAllReaders();
    this.#positions.wakeWatchers();
  }

  #use(connection: LogConnection): void {
    const { port } = connection;
    const positions = new Positions(connection.topics, connection.positions);
    this.#connection = connection;
    this.#positions = positions;
    this.#reader = new SegmentReader(connection.dir, positions);
    if (positions.stopped) return;
    port.onmessage = ({ data }: MessageEvent<ClientAnswer>) => this.#queue.answer(data);
    this.#queue.connect((message: ClientMessage) =>
      port.postMessage(message, message.type === "append" ? [message.text] : [])
    );
    this.#watch(positions);
  }

  /** Notices the writer's end without waiting for a time limit. */
  async #watch(positions: Positions): Promise<void> {
    while (!positions.stopped) {
      await positions.changeOfState();
      if (this.#isClosed || positions !== this.#positions) return;
    }
    this.#noticeStop();
  }

  #noticeStop(): void {
    if (this.#positions.stopped) this.#queue.disconnect("the log's writer has stopped");
  }

  #leave(why: string): void {
    this.#queue.disconnect(why);
    this.#connection.port.close();
    this.#reader.close();
  }

  /** Reads; `null` when a drop came between, so that the range must be looked at again. */
  #read(topic: number, partition: number, offset: number, end: number, maxBytes: number) {
    try {
      return this.#reader.read(topic, partition, offset, end, maxBytes);
    } catch (error) {
      if (this.#positions.start(topic, partition) > offset) return null;
      throw error;
    }
  }

  async #change(topic: number, partition: number, end: number, signal: AbortSignal): Promise<void> {
    const positions = this.#positions;
    const wake = () => positions.wakeReaders(topic, partition);
    signal.addEventListener("abort", wake);
    try {
      await positions.changeOfEnd(topic, partition, end);
    } finally {
      signal.removeEventListener("abort", wake);
    }
  }

  #indexOf(topic: TopicName, partition = 0): number {
    const index = topicNames.indexOf(topic);
    const partitions = index < 0 ? 0 : this.#positions.partitions(index);
    if (partition >>> 0 !== partition || partition >= partitions) {
      throw new InvariantBroken(
        `Cannot use ${topic}/${partition} as the topic has ${partitions} partitions, numbered from 0`,
      );
    }
    return index;
  }

  #assertOpen(): void {
    if (this.#isClosed) throw new Unavailable("log", "Cannot use the log as it was closed");
  }
}
