/**
 * Fetches for all readers of a client, with one request under way to each leading broker: it holds
 * every partition that somebody waits for. A reader a partition of its own would cost a connection
 * each, as a broker answers one connection's requests in turn, and a request each.
 *
 * A request under way cannot be added to. So it waits long at the broker only while every reader that
 * was here lately waits in it; else somebody is about to come back, and it returns soon.
 *
 * @module
 */
import { OffsetMissing, PlatformError, Unavailable } from "../../../../schema/errors.ts";
import { limits } from "../../../../schema/limits.ts";
import type { TopicName } from "../../../../schema/topics.ts";
import type { LogRecord } from "../../log.ts";
import { AppendTimes } from "./append_times.ts";
import { type Cluster, earliest, latest } from "../cluster.ts";
import { errorCode, nameOfCode } from "../error_codes.ts";
import { fetchApi, type FetchedPart, fetchRequest, parseFetchAnswer } from "./fetch_request.ts";
import { messageOf } from "../link.ts";
import { PartitionReader } from "./partition_reader.ts";
import { decodeRecords } from "./record_reader.ts";

/** A reader that has not asked for so long is not expected back. */
const expectedMs = 1_000;
const shortWaitMs = 10;
/** A new leader takes a moment to begin; only then readers are told. */
const staleMsMax = 2_000;
const staleLookMs = 50;

/** A partition in a request. */
interface Asked {
  readonly reader: PartitionReader;
  readonly offset: number;
}

export class Fetcher {
  readonly #readers = new Map<string, PartitionReader>();
  readonly #busyNodes = new Set<number>();
  readonly #times: AppendTimes;
  #turn = 0;
  #isScheduled = false;
  #isClosed = false;

  constructor(readonly cluster: Cluster) {
    this.#times = new AppendTimes(cluster);
  }

  /** @see {@link Log.fetch} */
  async fetch(
    topic: TopicName,
    partition: number,
    offset: number,
    maxBytes: number,
    signal: AbortSignal,
  ): Promise<LogRecord[]> {
    this.cluster.assertPartition(topic, partition);
    if (this.#isClosed) throw closedError();
    if (signal.aborted) return [];
    const reader = this.#reader(topic, partition);
    reader.askedAt = performance.now();
    if (offset < 0) throw await this.#missing(reader, offset) ?? reader.missing(offset, 0, 0);
    const atHand = reader.take(offset, maxBytes);
    if (atHand !== undefined) return atHand;
    const found = reader.wait(offset, maxBytes, signal);
    this.#schedule();
    return await found as LogRecord[];
  }

  close(): void {
    this.#isClosed = true;
    for (const reader of this.#readers.values()) reader.fail(closedError());
  }

  #reader(topic: TopicName, partition: number): PartitionReader {
    const name = `${this.cluster.nameOf(topic)}/${partition}`;
    let reader = this.#readers.get(name);
    if (reader === undefined) {
      reader = new PartitionReader(topic, partition);
      this.#readers.set(name, reader);
    }
    return reader;
  }

  /** Readers that ask in the same turn share a request. */
  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    queueMicrotask(() => {
      this.#isScheduled = false;
      void this.#run();
    });
  }

  async #run(): Promise<void> {
    const waiting = [...this.#readers.values()].filter((reader) => reader.isWaiting);
    const unled = waiting.filter(({ topic, partition }) =>
      this.cluster.leaderOf(topic, partition) === undefined
    );
    if (unled.length > 0) await this.#findLeaders(unled);
    const byNode = Map.groupBy(
      waiting.filter((reader) => reader.isWaiting),
      ({ topic, partition }) => this.cluster.leaderOf(topic, partition),
    );
    for (const [node, readers] of byNode) {
      if (node !== undefined && !this.#busyNodes.has(node)) void this.#poll(node, readers);
    }
  }

  async #findLeaders(readers: readonly PartitionReader[]): Promise<void> {
    let error: Error = new Unavailable("log", "Nobody leads the partition at the moment");
    try {
      await this.cluster.refresh();
    } catch (failure) {
      error = failure instanceof PlatformError ? failure : unavailable(failure);
    }
    for (const reader of readers) {
      const { topic, partition } = reader;
      if (this.cluster.leaderOf(topic, partition) === undefined) reader.fail(error);
    }
  }

  async #poll(node: number, readers: readonly PartitionReader[]): Promise<void> {
    this.#busyNodes.add(node);
    // Brokers fill an answer from its front: whoever stands there should change.
    const first = this.#turn++ % readers.length;
    const asked = [...readers.slice(first), ...readers.slice(0, first)]
      .map((reader) => ({ reader, offset: reader.nextOffset() }));
    try {
      const answer = await this.#request(node, asked);
      const isStale = await this.#deliver(asked, answer);
      if (isStale) {
        await new Promise((resolve) => setTimeout(resolve, staleLookMs));
        await this.cluster.refresh();
      }
    } catch (error) {
      const failure = error instanceof PlatformError ? error : unavailable(error);
      for (const { reader, offset } of asked) reader.fail(failure, offset);
      // Who leads now is found out before anybody asks again.
      await this.cluster.refresh().catch(() => {});
    } finally {
      this.#busyNodes.delete(node);
      if ([...this.#readers.values()].some((reader) => reader.isWaiting)) this.#schedule();
    }
  }

  #request(node: number, asked: readonly Asked[]): Promise<FetchedPart[]> {
    const parts = asked.map(({ reader: { topic, partition }, offset }) => ({
      topic: this.cluster.nameOf(topic),
      partition,
      offset,
    }));
    const waitMs = this.#mayWait(node) ? limits.kafkaFetchWaitMs : shortWaitMs;
    const link = this.cluster.link(node, "fetch");
    return link.request(fetchApi, () => fetchRequest(waitMs, parts), parseFetchAnswer);
  }

  /** True when nobody is expected to ask while the request is under way. */
  #mayWait(node: number): boolean {
    const since = performance.now() - expectedMs;
    for (const reader of this.#readers.values()) {
      if (this.cluster.leaderOf(reader.topic, reader.partition) !== node) continue;
      if (reader.isWaiting ? reader.isSplit : reader.askedAt > since) return false;
    }
    return true;
  }

  /** @returns true when the leaders should be looked at again */
  async #deliver(asked: readonly Asked[], answer: readonly FetchedPart[]): Promise<boolean> {
    const offsets = new Map(asked.map(({ reader, offset }) => [reader, offset]));
    let isStale = false;
    for (const part of answer) {
      const reader = this.#readers.get(`${part.topic}/${part.partition}`);
      const offset = reader && offsets.get(reader);
      if (reader === undefined || offset === undefined) continue;
      if (part.errorCode === errorCode.none) {
        reader.staleSince = undefined;
        await this.#read(reader, offset, part);
      } else if (part.errorCode === errorCode.offsetOutOfRange) {
        const missing = await this.#missing(reader, offset);
        if (missing !== undefined) reader.fail(missing, offset);
      } else {
        isStale = true;
        reader.staleSince ??= performance.now();
        if (performance.now() - reader.staleSince < staleMsMax) continue;
        const { topic, partition } = reader;
        const why = `Kafka does not let ${topic}/${partition} be read: ${
          nameOfCode(part.errorCode)
        }`;
        reader.fail(new Unavailable("log", why), offset);
      }
    }
    return isStale;
  }

  async #read(reader: PartitionReader, from: number, part: FetchedPart): Promise<void> {
    if (part.records.length === 0 || !reader.isWaiting) return;
    const { records, next } = decodeRecords(part.records, from);
    const { topic, partition } = reader;
    const settled = await this.#times.settle(topic, partition, from, next, records);
    reader.deliver({ from, next, records: settled });
  }

  /** The error of an offset that is not there; `undefined` when it is after all. */
  async #missing(reader: PartitionReader, offset: number): Promise<OffsetMissing | undefined> {
    const { topic, partition } = reader;
    const range = async (at: number) =>
      (await this.cluster.listOffsets(topic, [{ partition, at }]))[0]!.offset;
    const [start, end] = [await range(earliest), await range(latest)];
    return offset < start || offset > end ? reader.missing(offset, start, end) : undefined;
  }
}

function closedError(): Unavailable {
  return new Unavailable("log", "Cannot use the log as it was closed");
}

function unavailable(error: unknown): Unavailable {
  return new Unavailable("log", messageOf(error), { cause: error });
}
