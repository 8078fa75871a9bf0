/**
 * The topics of `schema/topics.ts` as Kafka wants to be told of them.
 *
 * @module
 */
import type { Topic } from "../../../schema/topics.ts";
import { replication } from "./properties.ts";

export interface TopicSpec {
  readonly name: string;
  readonly partitions: number;
  readonly replicas: number;
  readonly settings: Readonly<Record<string, string>>;
}

/** What to create a topic with on so many brokers. */
export function topicSpec(name: string, topic: Topic, brokers: number): TopicSpec {
  const { replicas, minInSync } = replication(brokers);
  return {
    name,
    partitions: topic.partitions,
    replicas,
    settings: {
      "cleanup.policy": "delete",
      "retention.ms": String(topic.retentionMs),
      // `received_at` is the time of the append, whatever a producer's clock says.
      "message.timestamp.type": "LogAppendTime",
      "min.insync.replicas": String(minInSync),
    },
  };
}
