/**
 * The topics of `schema/topics.ts` as Kafka wants to be told of them.
 *
 * @module
 */
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
  return Object.entries(topicTable(rawPartitions)).map(([name, { partitions, retentionMs }]) => ({
    name,
    partitions,
    replicas,
    settings: {
      "cleanup.policy": "delete",
      "retention.ms": String(retentionMs),
      // `received_at` is the time of the append, whatever a producer's clock says.
      "message.timestamp.type": "LogAppendTime",
      "min.insync.replicas": String(minInSync),
    },
  }));
}
