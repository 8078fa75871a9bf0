/**
 * Deletes records that are read *and* older than their topic's retention.
 *
 * Kafka's own retention would delete by time alone, also what a stage that stood still has not read;
 * so the topics are created with `retention.ms=-1` and records are deleted from here, as Kafka Streams
 * does with its repartition topics. The broker drops whole segments below the mark. The user needs
 * the right to DELETE on the topics for it.
 *
 * @module
 */
import { deleteRecordsV2 } from "@platformatic/kafka";
import { Unavailable } from "../../../schema/errors.ts";
import { limits } from "../../../schema/limits.ts";
import type { TopicName } from "../../../schema/topics.ts";
import type { Cluster } from "./cluster.ts";
import { logger } from "../../observability/logger.ts";
import { errorCode, nameOfCode } from "./error_codes.ts";
import { messageOf } from "./link.ts";

interface Mark {
  readonly partition: number;
  /** Records below may go. */
  before: number;
  /** What was deleted, as far as we know. */
  deleted: number;
}

export class Retention {
  readonly #log = logger("log");
  readonly #marks = new Map<TopicName, Map<number, Mark>>();
  #sweptAt = -Infinity;

  constructor(
    readonly cluster: Cluster,
    /** Wall clock, milliseconds. */
    readonly now: () => number,
  ) {}

  /** Allows records below `before` to be deleted; now and then deletes what may go. */
  async trim(topic: TopicName, partition: number, before: number): Promise<void> {
    this.cluster.assertPartition(topic, partition);
    let marks = this.#marks.get(topic);
    if (marks === undefined) this.#marks.set(topic, marks = new Map());
    const mark = marks.get(partition);
    if (mark === undefined) marks.set(partition, { partition, before, deleted: 0 });
    else mark.before = Math.max(mark.before, before);
    if (Math.abs(this.now() - this.#sweptAt) < limits.kafkaTrimEveryMs) return;
    this.#sweptAt = this.now();
    for (const name of this.#marks.keys()) {
      try {
        await this.#sweep(name);
      } catch (error) {
        // It grows on: somebody should know, and the next sweep tries again.
        this.#log.warn("Old records were not deleted", { topic: name, error: messageOf(error) });
        throw error;
      }
    }
  }

  async #sweep(topic: TopicName): Promise<void> {
    const { retentionMs } = this.cluster.options.topics[topic];
    const marks = [...this.#marks.get(topic)!.values()].filter((m) => m.before > m.deleted);
    if (marks.length === 0) return;
    const at = Math.floor(this.now() - retentionMs);
    const kept = await this.cluster.listOffsets(
      topic,
      marks.map(({ partition }) => ({ partition, at })),
    );
    const due = marks.flatMap((mark, i) => {
      // -1: every record is older.
      const before = kept[i]!.offset < 0 ? mark.before : Math.min(mark.before, kept[i]!.offset);
      return before > mark.deleted ? [{ mark, before }] : [];
    });
    const byNode = Map.groupBy(due, ({ mark }) => this.cluster.leaderOf(topic, mark.partition));
    for (const [node, some] of byNode) {
      if (node !== undefined) await this.#delete(topic, node, some);
    }
  }

  async #delete(
    topic: TopicName,
    node: number,
    due: readonly { readonly mark: Mark; readonly before: number }[],
  ): Promise<void> {
    const partitions = due.map(({ mark, before }) => ({
      partitionIndex: mark.partition,
      offset: BigInt(before),
    }));
    const request = [{ name: this.cluster.nameOf(topic), partitions }];
    const { topics } = await this.cluster.link(node, "control").call((connection) =>
      deleteRecordsV2.api.async(connection, request, limits.kafkaRequestTimeoutMs)
    );
    for (const { partitionIndex, errorCode: code } of topics[0]?.partitions ?? []) {
      const done = due.find(({ mark }) => mark.partition === partitionIndex);
      // Below the start already: somebody else has deleted it.
      if (code === errorCode.none || code === errorCode.offsetOutOfRange) {
        if (done !== undefined) done.mark.deleted = done.before;
        continue;
      }
      const why = `Kafka does not delete records of ${topic}/${partitionIndex}: ${
        nameOfCode(code)
      }`;
      throw new Unavailable("log", why);
    }
  }
}
