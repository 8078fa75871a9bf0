/**
 * A client's side of appending: gathers what many callers append, sends it in few messages, and
 * tells each caller how it went. Two messages a topic are under way at most; what comes meanwhile
 * goes into the next, so messages grow with the load and a lone append waits for nobody.
 *
 * @module
 */
import {
  InvalidInput,
  InvariantBroken,
  OutcomeUnknown,
  Unavailable,
} from "../../../schema/errors.ts";
import { type TopicName, topicNames } from "../../../schema/topics.ts";
import type { NewRecord } from "../log.ts";
import { assertRecord, lineOf, sizeOf } from "../record_text.ts";
import { type ClientAnswer, type ClientMessage, errorOf } from "./protocol.ts";

export interface AppendQueueOptions {
  /** Bytes held, sent or not, beyond which an append is refused. */
  readonly pendingBytesMax: number;
  /** Bytes of one message, beyond which the next is begun. */
  readonly messageBytesMax: number;
  /** How long a caller waits. */
  readonly timeoutMs: number;
}

const underWayMax = 2;
/** Room to encode in, kept; a longer message gets room of its own. */
const scratchBytes = 1024 * 1024;

interface Caller {
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/** A message in the making or under way. Its callers leave it when they have been answered. */
interface Message {
  readonly topic: number;
  /** Lines and count by partition; empty for a trim. */
  readonly lines: Map<number, { text: string; count: number }>;
  readonly trim?: { readonly partition: number; readonly beforeOffset: number };
  readonly bornMs: number;
  /** What it counts for against `pendingBytesMax`. */
  bytes: number;
  callers: Caller[];
}

interface Lane {
  waiting: Message[];
  underWay: number;
}

const encoder = new TextEncoder();

export class AppendQueue {
  readonly #options: AppendQueueOptions;
  readonly #lanes: readonly Lane[] = topicNames.map(() => ({ waiting: [], underWay: 0 }));
  readonly #sent = new Map<number, Message>();
  #post: ((message: ClientMessage) => void) | null = null;
  #lastId = 0;
  #pendingBytes = 0;
  #isScheduled = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  readonly #scratch = new Uint8Array(scratchBytes);
  #whenIdle: (() => void)[] = [];

  constructor(options: AppendQueueOptions) {
    this.#options = options;
  }

  /** Bytes of records that callers wait for or the writer has not answered. */
  get pendingBytes(): number {
    return this.#pendingBytes;
  }

  /** Sends through `post` from now on. */
  connect(post: (message: ClientMessage) => void): void {
    this.#post = post;
  }

  /** The writer is gone: what it did not answer is unknown, what it never got was not written. */
  disconnect(why: string): void {
    this.#post = null;
    for (const message of this.#sent.values()) {
      this.#settle(message, new OutcomeUnknown("log", `Cannot tell what was written: ${why}`));
    }
    this.#sent.clear();
    for (const lane of this.#lanes) {
      const { waiting } = lane;
      lane.waiting = [];
      lane.underWay = 0;
      for (const message of waiting) {
        this.#settle(message, new Unavailable("log", `Cannot write: ${why}`));
      }
    }
    this.#rest();
  }

  /** @see {@link Log.append} */
  append(topic: number, records: readonly NewRecord[], partitions: number): Promise<void> {
    let bytes = 0;
    for (const record of records) {
      assertRecord(record);
      if (record.partition >>> 0 !== record.partition || record.partition >= partitions) {
        throw new InvariantBroken(
          `Cannot append to ${topicNames[topic]}/${record.partition} as the topic has ` +
            `${partitions} partitions, numbered from 0`,
        );
      }
      bytes += sizeOf(record);
    }
    this.#assertRoom(topicNames[topic]!, bytes);
    if (records.length === 0) return Promise.resolve();
    const message = this.#messageFor(topic, bytes);
    for (const record of records) {
      const part = message.lines.get(record.partition);
      if (part === undefined) {
        message.lines.set(record.partition, { text: lineOf(record), count: 1 });
      } else {
        part.text += lineOf(record);
        part.count++;
      }
    }
    message.bytes += bytes;
    this.#pendingBytes += bytes;
    return this.#join(message);
  }

  /** @see {@link Log.trim} */
  trim(topic: number, partition: number, beforeOffset: number): Promise<void> {
    this.#assertRoom(topicNames[topic]!, 0);
    const message: Message = {
      topic,
      lines: new Map(),
      trim: { partition, beforeOffset },
      bornMs: performance.now(),
      bytes: 0,
      callers: [],
    };
    this.#lanes[topic]!.waiting.push(message);
    return this.#join(message);
  }

  /** Takes the writer's answer. */
  answer({ ids, failure }: ClientAnswer): void {
    const error = failure === undefined ? undefined : errorOf(failure);
    for (const id of ids) {
      const message = this.#sent.get(id);
      // Not there: a late word of a writer that was given up.
      if (message === undefined) continue;
      this.#sent.delete(id);
      this.#lanes[message.topic]!.underWay--;
      this.#settle(message, error);
    }
    this.#send();
    this.#rest();
  }

  /** Resolves when every caller has been answered. */
  idle(): Promise<void> {
    if (this.#isIdle()) return Promise.resolve();
    return new Promise((resolve) => this.#whenIdle.push(resolve));
  }

  #assertRoom(topic: TopicName, bytes: number): void {
    const { pendingBytesMax } = this.#options;
    if (this.#post === null) {
      throw new Unavailable("log", `Cannot append to ${topic} as the log's writer is not running`);
    }
    if (bytes > pendingBytesMax) {
      throw new InvalidInput(
        "too_large",
        `Cannot append ${bytes} bytes to ${topic} at once: the most is ${pendingBytesMax}`,
      );
    }
    if (this.#pendingBytes + bytes > pendingBytesMax) {
      throw new Unavailable(
        "log",
        `Cannot append to ${topic} as ${this.#pendingBytes} bytes wait for the log, ${bytes} more ` +
          `would pass appendQueueBytesMax of ${pendingBytesMax}`,
      );
    }
  }

  #messageFor(topic: number, bytes: number): Message {
    const { waiting } = this.#lanes[topic]!;
    const last = waiting.at(-1);
    if (
      last !== undefined && last.trim === undefined &&
      last.bytes + bytes <= this.#options.messageBytesMax
    ) return last;
    const message = {
      topic,
      lines: new Map(),
      bornMs: performance.now(),
      bytes: 0,
      callers: [],
    };
    waiting.push(message);
    return message;
  }

  #join(message: Message): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    message.callers.push({ resolve, reject });
    // Before the microtask is queued: a first setTimeout() may run those that are.
    this.#timer ??= setTimeout(() => this.#expire(), this.#options.timeoutMs);
    if (!this.#isScheduled) {
      this.#isScheduled = true;
      // After the callers that run in this turn have had their say.
      queueMicrotask(() => {
        this.#isScheduled = false;
        this.#send();
      });
    }
    return promise;
  }

  #send(): void {
    if (this.#post === null) return;
    for (const lane of this.#lanes) {
      while (lane.underWay < underWayMax && lane.waiting.length > 0) {
        const message = lane.waiting.shift()!;
        const id = ++this.#lastId;
        lane.underWay++;
        this.#sent.set(id, message);
        this.#post(this.#encode(id, message));
      }
    }
  }

  #encode(id: number, { topic, trim, lines, bytes }: Message): ClientMessage {
    if (trim !== undefined) return { type: "trim", id, topic, ...trim };
    // Each UTF-16 unit takes at most 3 bytes.
    const scratch = bytes * 3 > scratchBytes ? new Uint8Array(bytes * 3) : this.#scratch;
    const parts: number[] = [];
    let length = 0;
    for (const [partition, { text, count }] of lines) {
      const { written } = encoder.encodeInto(text, scratch.subarray(length));
      parts.push(partition, count, written);
      length += written;
    }
    lines.clear();
    return { type: "append", id, topic, parts, text: scratch.slice(0, length).buffer };
  }

  #settle(message: Message, error?: Error): void {
    this.#pendingBytes -= message.bytes;
    this.#tell(message, error);
  }

  #tell(message: Message, error?: Error): void {
    const { callers } = message;
    message.callers = [];
    for (const { resolve, reject } of callers) error === undefined ? resolve() : reject(error);
  }

  /** Answers the callers that have waited too long. A message under way keeps its bytes counted. */
  #expire(): void {
    this.#timer = undefined;
    const { timeoutMs } = this.#options;
    const now = performance.now();
    const isLate = ({ bornMs }: Message) => now - bornMs >= timeoutMs;
    for (const message of this.#sent.values()) {
      if (!isLate(message)) continue;
      this.#tell(
        message,
        new OutcomeUnknown("log", `Cannot tell what was written: no answer in ${timeoutMs} ms`),
      );
    }
    for (const lane of this.#lanes) {
      const late = lane.waiting.filter(isLate);
      if (late.length === 0) continue;
      lane.waiting = lane.waiting.filter((message) => !isLate(message));
      for (const message of late) {
        this.#settle(
          message,
          new Unavailable("log", `Cannot write: the writer took nothing in ${timeoutMs} ms`),
        );
      }
    }
    this.#rest();
    const waiting = this.#firstWaiting();
    if (waiting !== undefined) {
      this.#timer ??= setTimeout(() => this.#expire(), Math.max(1, waiting + timeoutMs - now));
    }
  }

  /** Birth of the oldest message that has callers; messages are in the order of their birth. */
  #firstWaiting(): number | undefined {
    let first: number | undefined;
    const look = ({ callers, bornMs }: Message) => {
      if (callers.length > 0 && bornMs < (first ?? Infinity)) first = bornMs;
    };
    for (const message of this.#sent.values()) look(message);
    for (const { waiting } of this.#lanes) waiting.forEach(look);
    return first;
  }

  #isIdle(): boolean {
    return this.#firstWaiting() === undefined;
  }

  #rest(): void {
    if (!this.#isIdle()) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const resolved = this.#whenIdle;
    this.#whenIdle = [];
    for (const resolve of resolved) resolve();
  }
}
