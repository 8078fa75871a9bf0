/**
 * The cluster as one client knows it: which broker leads which partition, and links to them.
 *
 * @module
 */
import { type ConnectionOptions, listOffsetsV7, metadataV12 } from "@platformatic/kafka";
import { InvariantBroken, Terminal, Unavailable } from "../../../schema/errors.ts";
import {
  describeKafka,
  type KafkaBroker,
  type KafkaTarget,
} from "../../../schema/kafka/kafka_url.ts";
import { type TopicName, topicNames, type Topics } from "../../../schema/topics.ts";
import { errorCode, isLeaderStale, nameOfCode } from "./error_codes.ts";
import { AnswerLost, Link, messageOf } from "./link.ts";

/** A link each, as a broker answers the requests of one connection strictly in turn. */
export type Lane = "produce" | "fetch" | "control";

export interface ClusterOptions {
  readonly target: KafkaTarget;
  readonly topics: Topics;
  readonly clientId: string;
  /** How long a request may take, milliseconds. */
  readonly requestTimeoutMs: number;
}

/** What `listOffsets` asks: the first offset that is kept, or the next that will be written. */
export const earliest = -2;
export const latest = -1;

const lookAgainMax = 10;
const lookAgainMs = 100;

/** An offset and the time of its record; both -1 when there is none. */
export interface OffsetAnswer {
  readonly offset: number;
  readonly timestamp: number;
}

export class Cluster {
  readonly #links = new Map<string, Link>();
  #brokers: readonly KafkaBroker[];
  #nodes = new Map<number, KafkaBroker>();
  /** Leader by partition, by topic; -1: none. */
  #leaders = new Map<TopicName, readonly number[]>();
  #refreshing: Promise<void> | undefined;
  #awaySince: number | undefined;
  #fault: Error | undefined;
  #isClosed = false;
  #id = "";

  constructor(readonly options: ClusterOptions) {
    this.#brokers = options.target.brokers;
  }

  /** Milliseconds since brokers were found away; 0 while all is well. */
  get awayMs(): number {
    return this.#awaySince === undefined ? 0 : performance.now() - this.#awaySince;
  }

  /** The cluster's own id; empty before the first look at it. */
  get id(): string {
    return this.#id;
  }

  /** What the last look at the cluster met with; `undefined`: nothing. */
  get fault(): Error | undefined {
    return this.#fault;
  }

  /** The topic's name on the brokers. */
  nameOf(topic: TopicName): string {
    return this.options.target.prefix + topic;
  }

  /** @throws {InvariantBroken} there is no such partition */
  assertPartition(topic: TopicName, partition: number): void {
    const count = this.options.topics[topic]?.partitions ?? 0;
    if (partition >>> 0 === partition && partition < count) return;
    throw new InvariantBroken(
      `Cannot use ${topic}/${partition} as the topic has ${count} partitions, numbered from 0`,
    );
  }

  /** The node that leads a partition, as far as known. */
  leaderOf(topic: TopicName, partition: number): number | undefined {
    const leader = this.#leaders.get(topic)?.[partition] ?? -1;
    return leader < 0 ? undefined : leader;
  }

  /** @throws {Unavailable} the node is not known */
  link(node: number, lane: Lane): Link {
    const broker = this.#nodes.get(node);
    if (broker === undefined) throw new Unavailable("log", `Kafka's node ${node} is away`);
    return this.#linkTo(broker, lane);
  }

  /** A link to any broker: the last that answered first. */
  async any<T>(run: (link: Link) => Promise<T>): Promise<T> {
    let failure: unknown;
    const known = [...this.#brokers, ...this.options.target.brokers];
    const brokers = new Map(known.map((broker) => [`${broker.host}:${broker.port}`, broker]));
    for (const broker of brokers.values()) {
      try {
        const answer = await run(this.#linkTo(broker, "control"));
        this.#brokers = [broker, ...this.#nodes.values()];
        return answer;
      } catch (error) {
        // A password that one broker refuses is wrong at the others, too.
        if (!(error instanceof Unavailable || error instanceof AnswerLost)) throw error;
        failure = error;
      }
    }
    throw new Unavailable("log", messageOf(failure), { cause: failure });
  }

  /**
   * Looks again who leads what; several callers share one look.
   *
   * @throws {Unavailable} no broker answers
   * @throws {Terminal} `log_access`, or `log_topics`: a topic is missing or not as the table says
   */
  refresh(): Promise<void> {
    this.#refreshing ??= this.#refresh().then(
      () => {
        this.#awaySince = this.#fault = undefined;
      },
      (error) => {
        this.#awaySince ??= performance.now();
        this.#fault = error;
        throw error;
      },
    ).finally(() => this.#refreshing = undefined);
    return this.#refreshing;
  }

  async #refresh(): Promise<void> {
    if (this.#isClosed) throw new Unavailable("log", "Cannot use the log as it was closed");
    const names = topicNames.map((topic) => this.nameOf(topic));
    const answer = await this.any((link) =>
      link.call((connection) => metadataV12.api.async(connection, names, false, false))
    );
    const leaders = new Map<TopicName, readonly number[]>();
    const faults: string[] = [];
    for (const topic of topicNames) {
      const found = answer.topics.find(({ name }) => name === this.nameOf(topic));
      const expected = this.options.topics[topic].partitions;
      const fault = topicFault(this.nameOf(topic), found, expected);
      if (fault !== undefined) faults.push(fault);
      const led = new Array<number>(expected).fill(-1);
      for (const { partitionIndex, leaderId } of found?.partitions ?? []) {
        if (partitionIndex < expected) led[partitionIndex] = leaderId;
      }
      leaders.set(topic, led);
    }
    if (faults.length > 0) {
      throw new Terminal(
        "log_topics",
        `Kafka at ${describeKafka(this.options.target)} has not the topics it should: ` +
          `${faults.join("; ")}`,
      );
    }
    this.#nodes = new Map(
      answer.brokers.map(({ nodeId, host, port }) => [nodeId, { host, port }]),
    );
    this.#leaders = leaders;
    this.#id = answer.clusterId ?? "";
  }

  /**
   * Asks the leaders of partitions for offsets.
   *
   * @param at the time to look for, or {@link earliest} or {@link latest}
   * @returns an answer for each partition asked for, in their order
   * @throws {Unavailable} a leader is away
   */
  async listOffsets(
    topic: TopicName,
    asked: readonly { readonly partition: number; readonly at: number }[],
  ): Promise<OffsetAnswer[]> {
    for (let tries = 0;; tries++) {
      try {
        return await this.#listOffsets(topic, asked);
      } catch (error) {
        if (error instanceof Terminal) throw error;
        if (tries === lookAgainMax) {
          throw new Unavailable("log", messageOf(error), { cause: error });
        }
      }
      // Leaders have moved, or take a moment to begin: once more with what is so now.
      if (tries > 0) await new Promise((resolve) => setTimeout(resolve, lookAgainMs));
      await this.refresh();
    }
  }

  async #listOffsets(
    topic: TopicName,
    asked: readonly { readonly partition: number; readonly at: number }[],
  ): Promise<OffsetAnswer[]> {
    const byNode = Map.groupBy(asked, ({ partition }) => this.leaderOf(topic, partition));
    const found = new Map<number, OffsetAnswer>();
    await Promise.all([...byNode].map(async ([node, some]) => {
      if (node === undefined) throw new Unavailable("log", `Nobody leads ${topic} at the moment`);
      const partitions = some.map(({ partition, at }) => ({
        partitionIndex: partition,
        currentLeaderEpoch: -1,
        timestamp: BigInt(at),
      }));
      const request = [{ name: this.nameOf(topic), partitions }];
      const answer = await this.link(node, "control").call((connection) =>
        listOffsetsV7.api.async(connection, -1, 0, request)
      );
      for (const part of answer.topics[0]?.partitions ?? []) {
        if (part.errorCode !== errorCode.none) {
          throw offsetsError(topic, part.partitionIndex, part.errorCode);
        }
        found.set(part.partitionIndex, {
          offset: Number(part.offset),
          timestamp: Number(part.timestamp),
        });
      }
    }));
    return asked.map(({ partition }) => found.get(partition) ?? { offset: -1, timestamp: -1 });
  }

  close(): void {
    this.#isClosed = true;
    for (const link of this.#links.values()) link.close();
    this.#links.clear();
  }

  #linkTo(broker: KafkaBroker, lane: Lane): Link {
    if (this.#isClosed) throw new Unavailable("log", "Cannot use the log as it was closed");
    const name = `${lane} ${broker.host}:${broker.port}`;
    let link = this.#links.get(name);
    if (link === undefined) {
      const { clientId, requestTimeoutMs, target } = this.options;
      link = new Link(broker, { clientId, requestTimeoutMs, security: securityOf(target) });
      this.#links.set(name, link);
    }
    return link;
  }
}

function topicFault(
  name: string,
  found: { errorCode: number; partitions: readonly unknown[] } | undefined,
  expected: number,
): string | undefined {
  if (found === undefined || found.errorCode === errorCode.unknownTopicOrPartition) {
    return `${name} is missing (${expected} partitions)`;
  }
  if (found.errorCode === errorCode.topicAuthorizationFailed) return `${name} may not be read`;
  if (found.errorCode !== errorCode.none && !isLeaderStale(found.errorCode)) {
    return `${name}: ${nameOfCode(found.errorCode)}`;
  }
  const count = found.partitions.length;
  if (count === expected || count === 0) return undefined;
  return `${name} has ${count} partitions instead of ${expected}`;
}

function offsetsError(topic: TopicName, partition: number, code: number): Error {
  const message = `Kafka does not tell the offsets of ${topic}/${partition}: ${nameOfCode(code)}`;
  if (code !== errorCode.topicAuthorizationFailed) return new Unavailable("log", message);
  return new Terminal("log_access", message);
}

/** How the client signs in and encrypts. */
export function securityOf(target: KafkaTarget): Pick<ConnectionOptions, "tls" | "sasl"> {
  const { user, tls } = target;
  return {
    ...(tls === undefined
      ? {}
      : { tls: tls.caFile === undefined ? {} : { ca: Deno.readTextFileSync(tls.caFile) } }),
    ...(user === undefined ? {} : {
      sasl: { mechanism: "SCRAM-SHA-512", username: user.name, password: user.password },
    }),
  };
}
