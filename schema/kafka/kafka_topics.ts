/**
 * How topics are set up on Kafka, whoever creates them.
 *
 * @module
 */
import { limits } from "../limits.ts";

/**
 * The settings of a topic.
 *
 * - `retention.ms=-1`: time alone must not drop what a stage has not read. The platform deletes
 *   records itself, once they are read *and* older than the topic's retention, as Kafka Streams does
 *   with its repartition topics. Whoever sets a finite retention makes a stage that stands still for
 *   so long lose records; it halts with `OffsetMissing` then.
 * - `LogAppendTime`: `received_at` is when the log took a record, whatever a producer's clock says.
 *
 * @param minInSync copies that must be in sync for an append. @default what the brokers are set to
 */
export function kafkaTopicSettings(minInSync?: number): Record<string, string> {
  return {
    "cleanup.policy": "delete",
    "retention.ms": "-1",
    "retention.bytes": "-1",
    "message.timestamp.type": "LogAppendTime",
    "max.message.bytes": String(limits.logBatchBytesMax),
    "segment.bytes": String(limits.logSegmentBytesMax),
    "compression.type": "producer",
    ...(minInSync === undefined ? {} : { "min.insync.replicas": String(minInSync) }),
  };
}
