/**
 * The answer to a fetch request, version 12, with the records left as bytes: they are read straight
 * to text, once it is clear that somebody still waits for them.
 *
 * @see {@link https://kafka.apache.org/protocol.html#The_Messages_Fetch}
 * @module
 */
import { Buffer } from "node:buffer";
import { fetchV12, type Reader, type Writer } from "@platformatic/kafka";
import { limits } from "../../../../schema/limits.ts";

export const fetchApi = { key: 1, version: 12 } as const;

export interface FetchPart {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
}

export interface FetchedPart {
  readonly topic: string;
  readonly partition: number;
  readonly errorCode: number;
  readonly records: Buffer;
}

/** The body of a request. @param waitMs how long the broker waits for the first record */
export function fetchRequest(waitMs: number, parts: readonly FetchPart[]): Writer {
  const topics = [...Map.groupBy(parts, ({ topic }) => topic)].map(([topic, some]) => ({
    // This version goes by name.
    topic,
    topicId: topic,
    partitions: some.map(({ partition, offset }) => ({
      partition,
      currentLeaderEpoch: -1,
      fetchOffset: BigInt(offset),
      lastFetchedEpoch: -1,
      partitionMaxBytes: limits.kafkaFetchPartitionBytesMax,
    })),
  }));
  return fetchV12.createRequest(waitMs, 1, limits.kafkaFetchBytesMax, 0, 0, -1, topics, [], "");
}

/** The parts that were asked for; one error code for all stands in each. */
export function parseFetchAnswer(answer: Reader): FetchedPart[] {
  answer.readInt32(); // throttled
  const code = answer.readInt16();
  answer.readInt32(); // session
  const parts: FetchedPart[] = [];
  answer.readArray((reader) => {
    const topic = reader.readString();
    reader.readArray((reader) => {
      const partition = reader.readInt32();
      const partCode = reader.readInt16();
      reader.readInt64(); // high watermark
      reader.readInt64(); // last stable offset
      reader.readInt64(); // log start
      reader.readNullableArray((reader) => {
        reader.readInt64();
        reader.readInt64();
      });
      reader.readInt32(); // preferred replica
      const bytes = Math.max(0, reader.readUnsignedVarInt() - 1);
      const { position } = reader;
      const records = reader.buffer.slice(position, position + bytes) as Buffer;
      reader.skip(bytes);
      parts.push({ topic, partition, errorCode: code || partCode, records });
    });
  });
  return parts;
}
