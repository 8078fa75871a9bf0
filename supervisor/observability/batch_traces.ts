/**
 * The traces that a shard's batch has to do with. A batch holds the events of many requests, and a
 * span has one parent: so each trace gets spans of its own, which are linked to each other.
 *
 * @module
 */
import { limits } from "../../schema/limits.ts";
import type { CommitBatch } from "../store/store.ts";
import { isTracing, type OpenSpan, startSpan } from "./trace.ts";

/** What a batch is a batch of. */
export interface BatchPlace {
  readonly stage: string;
  readonly topic: string;
  readonly partition: number;
}

export class BatchTraces {
  /** Trace id → the `traceparent` of its first record here. */
  readonly #parents = new Map<string, string>();
  readonly #sinceMs = Date.now();

  /** Takes note of a record's trace; those beyond `limits.tracesPerCommitMax` are left out. */
  add(traceparent: string): void {
    if (!isTracing || this.#parents.size >= limits.tracesPerCommitMax) return;
    const traceId = traceparent.slice(3, 35);
    if (!this.#parents.has(traceId)) this.#parents.set(traceId, traceparent);
  }

  /**
   * Ends the time of applying and begins that of the commit.
   *
   * @param messages in the batch
   * @returns the commit's span; `undefined` when nobody traces it
   */
  seal(place: BatchPlace, messages: number): OpenSpan | undefined {
    const { stage, topic, partition } = place;
    const parents = [...this.#parents.values()];
    const commits = parents.map((parent) => {
      const links = parents.filter((other) => other !== parent);
      const apply = startSpan({
        name: `process ${topic}`,
        kind: "consumer",
        parent,
        links,
        startMs: this.#sinceMs,
        attributes: {
          "messaging.system": "gamemetrics",
          "messaging.operation.type": "process",
          "messaging.operation.name": "apply",
          "messaging.destination.name": topic,
          "messaging.destination.partition.id": String(partition),
          "messaging.consumer.group.name": stage,
          "messaging.batch.message_count": messages,
        },
      });
      apply.end();
      return startSpan({
        name: "commit_batch",
        kind: "client",
        parent: apply.traceparent,
        attributes: {
          "db.system.name": "postgresql",
          "db.operation.name": "commit_batch",
          "db.stored_procedure.name": "commit_batch",
          "db.operation.batch.size": messages,
          "gamemetrics.shard": `${stage}/${partition}`,
        },
      });
    });
    return commits.length === 0 ? undefined : together(commits);
  }
}

/** A commit that tells what comes of it whose trace it is a part of; as it is when it is nobody's. */
export function withTrace(batch: CommitBatch, span: OpenSpan | undefined): CommitBatch {
  if (span === undefined) return batch;
  const trace = span.traceparent;
  return { ...batch, trace, outbox: batch.outbox.map((record) => ({ ...record, trace })) };
}

/** Spans of several traces that begin and end as one; what comes of them goes on in the first. */
function together(spans: readonly OpenSpan[]): OpenSpan {
  const end = (error?: unknown) => spans.forEach((span) => span.end(error));
  return {
    traceparent: spans[0]!.traceparent,
    end,
    during: async (work) => {
      try {
        const value = await work;
        end();
        return value;
      } catch (error) {
        end(error);
        throw error;
      }
    },
  };
}
