/**
 * The produce request and its answer, version 9. The batches are written already; the client's
 * request would take them as single records.
 *
 * @see {@link https://kafka.apache.org/protocol.html#The_Messages_Produce}
 * @module
 */
import type { Buffer } from "node:buffer";
import { type Reader, Writer } from "@platformatic/kafka";

export const produceV9 = { key: 0, version: 9 } as const;

/** Acknowledged by all replicas in sync. */
const acksAll = -1;

export interface PartitionRecords {
  readonly topic: string;
  readonly partition: number;
  readonly records: Buffer;
}

/** The body of a request. @param timeoutMs how long the broker waits for its replicas */
export function produceRequest(timeoutMs: number, parts: readonly PartitionRecords[]): Writer {
  const byTopic = [...Map.groupBy(parts, ({ topic }) => topic)];
  return Writer.create()
    .appendString(null) // no transaction
    .appendInt16(acksAll)
    .appendInt32(timeoutMs)
    .appendArray(byTopic, (writer, [topic, some]) => {
      writer.appendString(topic).appendArray(some, (writer, { partition, records }) => {
        writer.appendInt32(partition).appendUnsignedVarInt(records.length + 1).append(records);
      });
    })
    .appendTaggedFields();
}

/** The error code of each partition, by `topic/partition`. */
export function parseProduceAnswer(answer: Reader): Map<string, number> {
  const codes = new Map<string, number>();
  answer.readArray((reader) => {
    const topic = reader.readString();
    reader.readArray((reader) => {
      const partition = reader.readInt32();
      codes.set(`${topic}/${partition}`, reader.readInt16());
      reader.readInt64(); // base offset
      reader.readInt64(); // append time
      reader.readInt64(); // log start
      reader.readArray((reader) => {
        reader.readInt32();
        reader.readNullableString();
      });
      reader.readNullableString();
    });
  });
  return codes;
}
