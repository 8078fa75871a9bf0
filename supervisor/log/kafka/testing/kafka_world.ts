/**
 * Topics of a test's own on the real brokers.
 *
 * @module
 */
import type { KafkaTarget } from "../../../../schema/kafka/kafka_url.ts";
import { type Topics, topicTable } from "../../../../schema/topics.ts";
import { serviceUrl } from "../../../testing/services.ts";
import { kafkaTarget } from "../kafka_log.ts";
import { createTopics, deleteTopics } from "../topic_admin.ts";

/** The brokers of `LOG_URL`, or of `services up`; `undefined` when there are none. */
const kafkaUrl: string | undefined = serviceUrl("LOG_URL");

/** True when tests on Kafka cannot run. */
export const noKafka: boolean = kafkaUrl === undefined;

/** A prefix of its own on the real brokers; without topics. */
export function freshTarget(): KafkaTarget {
  return { ...kafkaTarget(kafkaUrl!), prefix: `t-${crypto.randomUUID().slice(0, 8)}.` };
}

/** Runs `body` with topics of its own. */
export async function withTopics(
  body: (target: KafkaTarget) => Promise<void>,
  topics: Topics = topicTable(),
): Promise<void> {
  const target = freshTarget();
  await createTopics(target, { topics, replication: 1 });
  try {
    await body(target);
  } finally {
    await deleteTopics(target);
  }
}
