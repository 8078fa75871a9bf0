/**
 * What waits to be appended to one partition, and the batch under way. There is never more than one:
 * so order holds through every retry, and a sequence is given out once.
 *
 * @module
 */
import type { Buffer } from "node:buffer";
import { type TopicName, topicSchema } from "../../../../schema/topics.ts";
import type { NewRecord } from "../../log.ts";
import { sizeOf } from "../../record_text.ts";
import type { AppendCall, PartOutcome } from "./append_call.ts";
import { type BatchIdentity, encodeBatch } from "./record_batch.ts";

/** The records of one call for one partition. */
interface Part {
  readonly call: AppendCall;
  readonly records: readonly NewRecord[];
  readonly bytes: number;
}

export interface LaneBatch {
  readonly records: readonly NewRecord[];
  readonly parts: readonly Part[];
  readonly bytes: number;
  /** The same for each repetition, so that the broker knows it again. */
  identity: BatchIdentity | undefined;
  /** A request with it was not answered: it may be written. */
  maybeWritten: boolean;
  /** When to give up, by `performance.now()`. */
  givesUpAt: number;
}

export class PartitionLane {
  readonly #waiting: Part[] = [];
  readonly #schema: Uint8Array;
  batch: LaneBatch | undefined;
  isInFlight = false;

  constructor(
    readonly topic: TopicName,
    readonly partition: number,
    /** Told how many bytes are no longer waiting. */
    readonly freed: (bytes: number) => void,
  ) {
    this.#schema = new TextEncoder().encode(topicSchema(topic));
  }

  get hasWork(): boolean {
    return !this.isInFlight && (this.batch !== undefined || this.#waiting.length > 0);
  }

  push(call: AppendCall, records: readonly NewRecord[]): number {
    let bytes = 0;
    for (const record of records) bytes += sizeOf(record);
    call.addPart();
    this.#waiting.push({ call, records, bytes });
    return bytes;
  }

  /** The batch to send: the one that must be repeated, or a new one of what waits. */
  next(bytesMax: number): LaneBatch | undefined {
    if (this.batch !== undefined) return this.batch;
    const parts: Part[] = [];
    let bytes = 0;
    let taken = 0;
    for (const part of this.#waiting) {
      if (!part.call.isOver && bytes > 0 && bytes + part.bytes > bytesMax) break;
      taken++;
      if (part.call.isOver) {
        this.freed(part.bytes);
        continue;
      }
      parts.push(part);
      bytes += part.bytes;
    }
    this.#waiting.splice(0, taken);
    if (parts.length === 0) return undefined;
    const records = parts.length === 1
      ? parts[0]!.records
      : parts.flatMap((part) => part.records as NewRecord[]);
    return this.batch = {
      records,
      parts,
      bytes,
      identity: undefined,
      maybeWritten: false,
      givesUpAt: Infinity,
    };
  }

  /** The batch as the broker takes it. */
  encode(): Buffer {
    const { records, identity } = this.batch!;
    return encodeBatch({ records, schema: this.#schema }, identity!);
  }

  /** Leaves what nobody waits for any more. */
  dropOver(): void {
    for (let i = this.#waiting.length - 1; i >= 0; i--) {
      const { call, bytes } = this.#waiting[i]!;
      if (!call.isOver) continue;
      this.#waiting.splice(i, 1);
      this.freed(bytes);
    }
  }

  /** The batch is over. */
  settle(outcome: PartOutcome, why = ""): void {
    const { batch } = this;
    if (batch === undefined) return;
    this.batch = undefined;
    this.freed(batch.bytes);
    for (const { call } of batch.parts) call.partDone(outcome, why);
  }

  /** Gives up everything, when the log is closed. */
  abandon(why: string): void {
    this.settle(this.batch?.identity === undefined ? "not written" : "unknown", why);
    for (const { call, bytes } of this.#waiting.splice(0)) {
      this.freed(bytes);
      call.partDone("not written", why);
    }
  }
}
