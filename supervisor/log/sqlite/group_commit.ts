/**
 * Decides what the writer does next. What arrives while a flush is on its way to the disk waits and
 * shares the next flush, one transaction and one fsync for all of it.
 *
 * @module
 */
import { Unavailable } from "../../../schema/errors.ts";
import { type ClientAnswer, type Failure, failureOf } from "./protocol.ts";
import type { Flush, FlushPart, TopicWriter } from "./topic_writer.ts";

/** What flushes go to. */
export type FlushTarget = Pick<TopicWriter, "append" | "trim" | "retain" | "tend">;

/** Where the answer to a message goes. */
export type AnswerPort = { postMessage(answer: ClientAnswer): void };

interface AppendJob {
  readonly port: AnswerPort;
  readonly id: number;
  /** Partition, count and length in bytes of each part of `text`. */
  readonly parts: readonly number[];
  readonly text: Uint8Array;
}

interface TrimJob {
  readonly port: AnswerPort;
  readonly id: number;
  readonly mark: readonly [partition: number, beforeOffset: number];
}

export interface GroupCommitOptions {
  /** Text of one flush, beyond which the rest waits for the next. */
  readonly flushBytesMax: number;
  /** The topic that waits for at most one flush of another. */
  readonly urgentTopic: number;
  /** Milliseconds since the Unix epoch. */
  readonly now: () => number;
  /** Runs `next` after the messages that have arrived were handed over. */
  readonly afterArrivals: (next: () => void) => void;
}

export class GroupCommit {
  readonly #writers: readonly FlushTarget[];
  readonly #options: GroupCommitOptions;
  readonly #appends: AppendJob[][];
  readonly #trims: TrimJob[][];
  #isScheduled = false;
  #lastFlushed = 0;
  /** The others take turns. */
  #lastOther = 0;

  constructor(writers: readonly FlushTarget[], options: GroupCommitOptions) {
    this.#writers = writers;
    this.#options = options;
    this.#appends = writers.map(() => []);
    this.#trims = writers.map(() => []);
  }

  append(topic: number, job: AppendJob): void {
    this.#appends[topic]!.push(job);
    this.#schedule();
  }

  trim(topic: number, job: TrimJob): void {
    this.#trims[topic]!.push(job);
    this.#schedule();
  }

  /** Drops the segments whose time is up. */
  retain(): void {
    for (const writer of this.#writers) writer.retain(this.#options.now());
  }

  /** Flushes all that waits. */
  drain(): void {
    while (this.#flushNext());
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    this.#options.afterArrivals(() => {
      this.#isScheduled = false;
      this.#flushNext();
      if (this.#pick() !== undefined) this.#schedule();
    });
  }

  /** The topic whose turn it is. */
  #pick(): number | undefined {
    const { urgentTopic } = this.#options;
    const count = this.#writers.length;
    const waits = (topic: number) =>
      this.#appends[topic]!.length > 0 || this.#trims[topic]!.length > 0;
    if (this.#lastFlushed !== urgentTopic && waits(urgentTopic)) return urgentTopic;
    for (let step = 1; step <= count; step++) {
      const topic = (this.#lastOther + step) % count;
      if (topic !== urgentTopic && waits(topic)) return topic;
    }
    return waits(urgentTopic) ? urgentTopic : undefined;
  }

  #flushNext(): boolean {
    const topic = this.#pick();
    if (topic === undefined) return false;
    this.#lastFlushed = topic;
    if (topic !== this.#options.urgentTopic) this.#lastOther = topic;
    this.#flushTrims(topic);
    this.#flushAppends(topic);
    return true;
  }

  #flushTrims(topic: number): void {
    const jobs = this.#trims[topic]!;
    if (jobs.length === 0) return;
    this.#trims[topic] = [];
    const writer = this.#writers[topic]!;
    this.#answerAll(jobs, () => {
      writer.trim(jobs.map(({ mark }) => mark));
      writer.retain(this.#options.now());
    });
  }

  #flushAppends(topic: number): void {
    const waiting = this.#appends[topic]!;
    if (waiting.length === 0) return;
    let bytes = 0;
    let count = 0;
    for (const { text } of waiting) {
      bytes += text.length;
      if (bytes > this.#options.flushBytesMax && count > 0) break;
      count++;
    }
    const jobs = waiting.splice(0, count);
    const writer = this.#writers[topic]!;
    this.#answerAll(jobs, () => writer.append(flushOf(jobs), this.#options.now()));
    writer.tend();
  }

  /** Does `work` for all jobs and answers them; rethrows what the writer cannot go on after. */
  #answerAll(jobs: readonly { port: AnswerPort; id: number }[], work: () => void): void {
    let failure: Failure | undefined;
    let fatal: unknown;
    try {
      work();
    } catch (error) {
      failure = failureOf(error);
      if (!(error instanceof Unavailable)) fatal = error;
    }
    const idsOf = new Map<AnswerPort, number[]>();
    for (const { port, id } of jobs) {
      const ids = idsOf.get(port);
      if (ids === undefined) idsOf.set(port, [id]);
      else ids.push(id);
    }
    for (const [port, ids] of idsOf) {
      port.postMessage(failure === undefined ? { ids } : { ids, failure });
    }
    if (fatal !== undefined) throw fatal;
  }
}

/** One part a partition, the jobs' records in their order. Their text is copied once at most. */
function flushOf(jobs: readonly AppendJob[]): Flush {
  const gathered = new Map<number, { partition: number; count: number; pieces: Uint8Array[] }>();
  let bytes = 0;
  for (const { parts, text } of jobs) {
    let position = 0;
    for (let i = 0; i < parts.length; i += 3) {
      const partition = parts[i]!, count = parts[i + 1]!, length = parts[i + 2]!;
      const piece = text.subarray(position, position += length);
      const part = gathered.get(partition);
      if (part === undefined) {
        gathered.set(partition, { partition, count, pieces: [piece] });
      } else {
        part.count += count;
        part.pieces.push(piece);
      }
    }
    bytes += position;
  }
  const body = jobs.length === 1 ? jobs[0]!.text : new Uint8Array(bytes);
  const parts: FlushPart[] = [];
  let end = 0;
  for (const { partition, count, pieces } of gathered.values()) {
    const start = end;
    for (const piece of pieces) {
      // A message has one part a partition, so that alone it is what it would be copied to.
      if (jobs.length > 1) body.set(piece, end);
      end += piece.length;
    }
    parts.push({ partition, count, bytes: end - start });
  }
  return { parts, body };
}
