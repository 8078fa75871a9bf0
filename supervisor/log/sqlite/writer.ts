/**
 * Starts the log's writer and hands out connections to it. One writer a folder; when it ends, start
 * another and {@link SqliteLog.reconnect} each client.
 *
 * @module
 */
import { Terminal, Unavailable } from "../../../schema/errors.ts";
import { limits } from "../../../schema/limits.ts";
import { type TopicName, topicNames, type Topics } from "../../../schema/topics.ts";
import { Positions } from "./positions.ts";
import type { LogConnection, WriterCommand, WriterConfig, WriterReport } from "./protocol.ts";
import type { CutReport } from "./recovery/recover_topic.ts";

export interface SqliteLogWriterOptions {
  /** Bytes of a segment, beyond which the next is begun. @default limits.logSegmentBytesMax */
  readonly segmentBytesMax?: number;
  /** Bytes of a topic, beyond which appends are refused. @default limits.logBytesMaxPerTopic */
  readonly topicBytesMax?: number;
  /** Text of one transaction. @default limits.logBatchBytesMax */
  readonly flushBytesMax?: number;
  /** How often segments whose time is up are looked for, milliseconds. @default 60_000 */
  readonly retentionCheckMs?: number;
  /** How long to wait for a lock whose holder is ending, milliseconds. @default 1_000 */
  readonly lockWaitMs?: number;
  /** Added to the system clock, milliseconds. @default 0 */
  readonly offsetMs?: number;
  /** A corrupt last batch was cut on opening. */
  readonly onCut?: (report: CutReport) => void;
  /** Something an operator should know, that harms no append. */
  readonly onProblem?: (message: string) => void;
}

/** Why a writer is no longer there. */
export type WriterExit =
  | { readonly type: "closed" }
  | { readonly type: "crashed"; readonly error: Error };

/** What a topic takes, and what was written since the writer started. */
export interface TopicStats {
  /** Bytes of its segments. */
  readonly bytes: number;
  readonly segments: number;
  /** Transactions that appended: each is one fsync. */
  readonly flushes: number;
  readonly records: number;
  /** Bytes of keys and values. */
  readonly bodyBytes: number;
  /** Flushes refused at the size cap. */
  readonly refused: number;
}

export interface SqliteLogWriter {
  /** Resolves when the writer has ended, for whatever reason. */
  readonly exited: Promise<WriterExit>;
  /** A connection for one client, in this thread or another. */
  connect(): LogConnection;
  stats(): Record<TopicName, TopicStats>;
  /** Moves the writer's clock, for tests. */
  setClockOffsetMs(offsetMs: number): void;
  /** Writes what has arrived, then ends. */
  close(): Promise<void>;
  /** Ends the thread where it stands, for tests and drills. */
  kill(): void;
}

/**
 * Starts the writer on `dir`, which is made if need be.
 *
 * @throws {Terminal} `data_dir_locked`, `log_corrupt`, `log_format`, `log_file_system`,
 *   `partition_count_changed`
 * @throws {Unavailable} the folder cannot be written now
 */
export async function startSqliteLogWriter(
  dir: string,
  topics: Topics,
  options: SqliteLogWriterOptions = {},
): Promise<SqliteLogWriter> {
  const positions = new Positions(topics);
  positions.clockOffsetMs = options.offsetMs ?? 0;
  const writer = new Writer(dir, positions, options);
  await writer.open({
    dir,
    topics,
    positions: positions.buffer,
    segmentBytesMax: options.segmentBytesMax ?? limits.logSegmentBytesMax,
    topicBytesMax: options.topicBytesMax ?? limits.logBytesMaxPerTopic,
    flushBytesMax: options.flushBytesMax ?? limits.logBatchBytesMax,
    retentionCheckMs: options.retentionCheckMs ?? 60_000,
    lockWaitMs: options.lockWaitMs ?? 1_000,
  });
  return writer;
}

class Writer implements SqliteLogWriter {
  readonly exited: Promise<WriterExit>;
  readonly #dir: string;
  readonly #positions: Positions;
  readonly #options: SqliteLogWriterOptions;
  readonly #worker: Worker;
  readonly #opened = Promise.withResolvers<void>();
  readonly #exit = Promise.withResolvers<WriterExit>();

  constructor(dir: string, positions: Positions, options: SqliteLogWriterOptions) {
    this.#dir = dir;
    this.#positions = positions;
    this.#options = options;
    this.exited = this.#exit.promise;
    this.#worker = new Worker(new URL("./writer_worker.ts", import.meta.url), {
      type: "module",
      name: "log writer",
    });
    this.#worker.onmessage = ({ data }: MessageEvent<WriterReport>) => this.#hear(data);
    this.#worker.onerror = (event) => {
      // Else the throw ends the process.
      event.preventDefault();
      this.#end({ type: "crashed", error: new Error(event.message) });
    };
    // An end before the start has no other listener.
    this.#opened.promise.catch(() => {});
  }

  open(config: WriterConfig): Promise<void> {
    this.#command({ type: "open", config });
    return this.#opened.promise;
  }

  connect(): LogConnection {
    const { port1, port2 } = new MessageChannel();
    if (!this.#positions.stopped) this.#command({ type: "connect", port: port2 }, [port2]);
    return {
      dir: this.#dir,
      topics: this.#positions.topics,
      positions: this.#positions.buffer,
      port: port1,
    };
  }

  stats(): Record<TopicName, TopicStats> {
    const positions = this.#positions;
    return Object.fromEntries(topicNames.map((name, topic) => [name, {
      bytes: positions.get(topic, "bytes"),
      segments: positions.get(topic, "newest") - positions.get(topic, "oldest") + 1,
      flushes: positions.get(topic, "flushes"),
      records: positions.get(topic, "records"),
      bodyBytes: positions.get(topic, "bodyBytes"),
      refused: positions.get(topic, "refused"),
    }])) as Record<TopicName, TopicStats>;
  }

  setClockOffsetMs(offsetMs: number): void {
    this.#positions.clockOffsetMs = offsetMs;
  }

  async close(): Promise<void> {
    if (!this.#positions.stopped) this.#command({ type: "close" });
    await this.exited;
  }

  kill(): void {
    this.#end({ type: "crashed", error: new Error("the log's writer was killed") });
  }

  #command(command: WriterCommand, transfer: Transferable[] = []): void {
    this.#worker.postMessage(command, transfer);
  }

  #hear(report: WriterReport): void {
    switch (report.type) {
      case "opened":
        return this.#opened.resolve();
      case "refused": {
        const { code, message } = report;
        this.#opened.reject(
          code === undefined ? new Unavailable("log", message) : new Terminal(code, message),
        );
        return this.#end({ type: "closed" });
      }
      case "cut":
        return this.#options.onCut?.(report.report);
      case "problem":
        return this.#options.onProblem?.(report.message);
      case "closed":
        return this.#end({ type: "closed" });
    }
  }

  #end(exit: WriterExit): void {
    this.#worker.terminate();
    if (exit.type === "crashed") {
      this.#opened.reject(
        new Unavailable("log", `Cannot start the log's writer: ${exit.error.message}`),
      );
    }
    this.#exit.resolve(exit);
    this.#positions.stop();
  }
}
