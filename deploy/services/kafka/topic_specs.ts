/**
 * The topics of `schema/topics.ts` as Kafka wants to be told of them.
 *
 * @module
 */
import { kafkaTopicSettings } from "../../../schema/kafka/kafka_topics.ts";
import { topicTable } from "../../../schema/topics.ts";
import { replication } from "./properties.ts";

export interface TopicSpec {
  readonly name: string;
  readonly partitions: number;
  readonly replicas: number;
  readonly settings: Readonly<Record<string, string>>;
}

/**
 * What to create all topics with on so many brokers.
 *
 * @param rawPartitions of `player.events.raw`. @default the table's
 */
export function topicSpecs(brokers: number, rawPartitions?: number): TopicSpec[] {
  const { replicas, minInSync } = replication(brokers);
  return Object.entries(topicTable(rawPartitions)).map(([name, { partitions }]) => ({
    name,
    partitions,
    replicas,
    settings: kafkaTopicSettings(minInSync),
  }));
}
