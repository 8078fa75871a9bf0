/**
 * Creates and deletes the platform's topics, for whoever sets up a cluster: the adapter itself
 * creates none, as partition counts and replication are an operator's decision.
 *
 * @module
 */
import { createTopicsV7, deleteTopicsV6 } from "@platformatic/kafka";
import { Terminal, Unavailable } from "../../../schema/errors.ts";
import { kafkaTopicSettings } from "../../../schema/kafka/kafka_topics.ts";
import { describeKafka, type KafkaTarget } from "../../../schema/kafka/kafka_url.ts";
import { topicNames, type Topics } from "../../../schema/topics.ts";
import { Cluster, latest, securityOf } from "./cluster.ts";
import { errorCode, nameOfCode } from "./error_codes.ts";
import { AnswerLost, Link, messageOf } from "./link.ts";

export interface CreateTopicsOptions {
  readonly topics: Topics;
  /** Copies of each partition. @default what the brokers are set to */
  readonly replication?: number;
  /** Copies that must be in sync for an append. @default what the brokers are set to */
  readonly minInSync?: number;
  /** Beside the settings of `schema/kafka/kafka_topics.ts`, or in place of them. */
  readonly settings?: Readonly<Record<string, string>>;
}

const requestTimeoutMs = 15_000;

/**
 * Creates the topics that do not exist yet and waits until each partition has a leader. Topics that
 * exist are left as they are.
 *
 * @returns the names of those that were created
 * @throws {Unavailable} no broker answers
 * @throws {Terminal} `log_topics`: the brokers refuse; `log_access`: they refuse the user
 */
export async function createTopics(
  target: KafkaTarget,
  options: CreateTopicsOptions,
): Promise<string[]> {
  const settings = Object.entries({
    ...kafkaTopicSettings(options.minInSync),
    ...options.settings,
  });
  const wanted = topicNames.map((topic) => ({
    name: target.prefix + topic,
    numPartitions: options.topics[topic].partitions,
    replicationFactor: options.replication ?? -1,
    assignments: [],
    configs: settings.map(([name, value]) => ({ name, value })),
  }));
  return await onController(target, async (link) => {
    const { topics } = await link.call((connection) =>
      createTopicsV7.api.async(connection, wanted, requestTimeoutMs - 1_000, false)
    );
    const faults = topics.filter(({ errorCode: code }) =>
      code !== errorCode.none && code !== errorCode.topicAlreadyExists
    );
    if (faults.length > 0) {
      const told = faults.map((t) => `${t.name}: ${t.errorMessage ?? nameOfCode(t.errorCode)}`);
      throw new Terminal(
        "log_topics",
        `Kafka at ${describeKafka(target)} does not create the topics: ${told.join("; ")}`,
      );
    }
    await untilLed(target, options.topics);
    return topics.filter((topic) => topic.errorCode === errorCode.none).map(({ name }) => name);
  });
}

/** Deletes the topics of a prefix. @throws {Terminal} `log_topics`: there is no prefix */
export async function deleteTopics(target: KafkaTarget): Promise<void> {
  if (target.prefix === "") {
    throw new Terminal("log_topics", "Only topics with a prefix are deleted: those are tests'");
  }
  const topics = topicNames.map((topic) => ({ name: target.prefix + topic }));
  await onController(
    target,
    (link) =>
      link.call((connection) =>
        deleteTopicsV6.api.async(connection, topics, requestTimeoutMs - 1_000)
      ),
  );
}

/** Runs against the first broker that answers; in KRaft mode each passes it on to the controller. */
async function onController<T>(target: KafkaTarget, run: (link: Link) => Promise<T>): Promise<T> {
  let failure: unknown;
  for (const broker of target.brokers) {
    const security = securityOf(target);
    const link = new Link(broker, { clientId: "gamemetrics-admin", security, requestTimeoutMs });
    try {
      return await run(link);
    } catch (error) {
      if (!(error instanceof Unavailable || error instanceof AnswerLost)) throw error;
      failure = error;
    } finally {
      link.close();
    }
  }
  throw new Unavailable("log", messageOf(failure), { cause: failure });
}

/** Metadata names a leader before it has begun; it has when it tells offsets. */
async function untilLed(target: KafkaTarget, topics: Topics): Promise<void> {
  const clientId = "gamemetrics-admin";
  const cluster = new Cluster({ target, topics, clientId, requestTimeoutMs });
  try {
    const until = performance.now() + requestTimeoutMs;
    for (;;) {
      try {
        for (const topic of topicNames) {
          const { partitions } = topics[topic];
          const all = Array.from({ length: partitions }, (_, partition) => partition);
          await cluster.listOffsets(topic, all.map((partition) => ({ partition, at: latest })));
        }
        return;
      } catch (error) {
        const isMissing = error instanceof Terminal && error.message.includes("is missing");
        const isTransient = error instanceof Unavailable || isMissing;
        if (!isTransient || performance.now() > until) throw error;
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  } finally {
    cluster.close();
  }
}
