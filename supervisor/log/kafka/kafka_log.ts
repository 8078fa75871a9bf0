/**
 * The log on Kafka: topics and partitions are Kafka's own, one event a record, keyed as
 * `schema/topics.ts` says, with the headers `schema` and, for sampled traces, `traceparent`.
 * Partitions are read by offset, outside of any consumer group.
 *
 * The client is `@platformatic/kafka`: its connections sign in, encrypt, and match answers to requests;
 * its protocol modules write and read what is rare. What is written and read for every event, record
 * batches, is ours (`produce/`, `fetch/`): 2 µs of processor time to append an event where its own
 * producer takes 5, 1 µs to read one where its consumer takes 3.
 *
 * kafkajs was tried behind the same port and left: 13 µs and 3 µs; no reading by offset without a
 * group, a lost offset is reset silently; and its idempotent producer gives a sequence out twice after
 * a lost answer, so that the broker drops the next batch, which was acknowledged, as a repetition.
 * `bench/RESULTS.md` has the figures.
 *
 * @module
 */
import { limits } from "../../../schema/limits.ts";
import { type KafkaTarget, parseKafkaUrl } from "../../../schema/kafka/kafka_url.ts";
import { Terminal } from "../../../schema/errors.ts";
import type { TopicName, Topics } from "../../../schema/topics.ts";
import type { Log, LogRecord, NewRecord, PartitionRange } from "../log.ts";
import { Cluster, earliest, latest } from "./cluster.ts";
import { Fetcher } from "./fetch/fetcher.ts";
import { Producer, type ProducerOptions } from "./produce/producer.ts";
import { Retention } from "./retention.ts";
import { checkSettings } from "./topic_settings.ts";

export interface KafkaLogOptions extends Partial<ProducerOptions> {
  readonly topics: Topics;
  /** What the brokers' logs call this client. @default "gamemetrics" */
  readonly clientId?: string;
  /** Wall clock that retention goes by, milliseconds. @default Date.now */
  readonly now?: () => number;
}

/**
 * Reads a `kafka://` URL.
 *
 * @throws {Terminal} `bad_log_url`
 */
export function kafkaTarget(url: string): KafkaTarget {
  const target = parseKafkaUrl(url);
  if (typeof target !== "string") return target;
  throw new Terminal("bad_log_url", `Cannot use the log's URL, expected ${target}`);
}

export class KafkaLog implements Log {
  readonly #cluster: Cluster;
  readonly #producer: Producer;
  readonly #fetcher: Fetcher;
  readonly #retention: Retention;
  #isSettingsChecked = false;

  /** Connects when it is first used, or by {@link check}. */
  constructor(target: KafkaTarget, options: KafkaLogOptions) {
    const { topics, clientId = "gamemetrics", now = Date.now } = options;
    const requestTimeoutMs = options.requestTimeoutMs ?? limits.kafkaRequestTimeoutMs;
    this.#cluster = new Cluster({ target, topics, clientId, requestTimeoutMs });
    this.#producer = new Producer(this.#cluster, {
      lingerMs: options.lingerMs ?? limits.kafkaLingerMs,
      // A little less than what the gateway waits, so that it hears whether anything was written.
      appendTimeoutMs: options.appendTimeoutMs ?? 0.8 * limits.acceptTimeoutMs,
      requestTimeoutMs,
      pendingBytesMax: options.pendingBytesMax ?? limits.appendQueueBytesMax,
    });
    this.#fetcher = new Fetcher(this.#cluster);
    this.#retention = new Retention(this.#cluster, now);
  }

  /** Bytes of appends that are not yet answered. */
  get pendingBytes(): number {
    return this.#producer.pendingBytes;
  }

  /**
   * Looks whether the cluster can be used, and has the topics; the first time that they are set up so
   * that nothing is lost, too.
   *
   * @throws {Unavailable} no broker answers
   * @throws {Terminal} `log_access`: user or password are refused; `log_topics`: a topic is missing,
   *   has another partition count, or settings that would cost events
   */
  async check(): Promise<void> {
    await this.#cluster.refresh();
    if (this.#isSettingsChecked) return;
    await checkSettings(this.#cluster);
    this.#isSettingsChecked = true;
  }

  /** Names these topics of this cluster, for ever. @throws as {@link check} */
  async identity(): Promise<string> {
    await this.check();
    const { id, options: { target } } = this.#cluster;
    return `kafka ${id}${target.prefix === "" ? "" : `/${target.prefix}`}`;
  }

  append(topic: TopicName, records: readonly NewRecord[]): Promise<void> {
    return this.#producer.append(topic, records);
  }

  fetch(
    topic: TopicName,
    partition: number,
    offset: number,
    maxBytes: number,
    signal: AbortSignal,
  ): Promise<LogRecord[]> {
    return this.#fetcher.fetch(topic, partition, offset, maxBytes, signal);
  }

  async ends(topic: TopicName): Promise<PartitionRange[]> {
    const { partitions } = this.#cluster.options.topics[topic];
    const all = (at: number) =>
      Array.from({ length: partitions }, (_, partition) => ({ partition, at }));
    const [starts, ends] = [
      await this.#cluster.listOffsets(topic, all(earliest)),
      await this.#cluster.listOffsets(topic, all(latest)),
    ];
    return starts.map(({ offset }, p) => ({ start: offset, end: ends[p]!.offset }));
  }

  trim(topic: TopicName, partition: number, beforeOffset: number): Promise<void> {
    return this.#retention.trim(topic, partition, beforeOffset);
  }

  // deno-lint-ignore require-await -- the port's
  async close(): Promise<void> {
    this.#producer.close();
    this.#fetcher.close();
    this.#cluster.close();
  }
}
