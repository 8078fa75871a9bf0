/**
 * Publishes what a shard has committed: one publish in flight, in commit order, again and again
 * until the log has it. How far it got is written with the shard's next commit.
 *
 * @module
 */
import type { Log } from "../log/log.ts";
import { startSend } from "../observability/trace.ts";
import type { OutboxEntry, OutboxRecord } from "../store/store.ts";
import { appendAtLeastOnce } from "./append.ts";
import { Gate } from "./gate.ts";
import type { RetryOptions } from "./retry.ts";

/** Entries that may wait for the log; a shard that is further ahead stops committing. */
const entriesMax = 16;

export class Emitter {
  readonly #queue: OutboxEntry[];
  readonly #filled = new Gate();
  readonly #drained = new Gate();
  #ended = false;
  /** Everything up to this end offset is published. */
  emittedOffset: number;

  constructor(readonly log: Log, unpublished: readonly OutboxEntry[], emittedOffset: number) {
    this.#queue = [...unpublished];
    this.emittedOffset = emittedOffset;
  }

  /** Entries not published yet. */
  get waiting(): number {
    return this.#queue.length;
  }

  push(entry: OutboxEntry): void {
    this.#queue.push(entry);
    this.#filled.open();
  }

  /** Resolves when there is room for another entry. */
  async room(signal: AbortSignal): Promise<void> {
    while (this.#queue.length >= entriesMax && !signal.aborted) await this.#drained.wait(signal);
  }

  /** No more entries will come: {@link run} returns once the queue is empty. */
  end(): void {
    this.#ended = true;
    this.#filled.open();
  }

  async run(options: RetryOptions): Promise<void> {
    while (!options.signal.aborted) {
      const entry = this.#queue[0];
      if (entry === undefined) {
        if (this.#ended) return;
        await this.#filled.wait(options.signal);
        continue;
      }
      await this.#publish(entry.records, options);
      this.emittedOffset = entry.endOffset;
      this.#queue.shift();
      this.#drained.open();
    }
  }

  async #publish(records: readonly OutboxRecord[], options: RetryOptions): Promise<void> {
    for (const topic of new Set(records.map((record) => record.topic))) {
      const ofTopic = records.filter((record) => record.topic === topic);
      const trace = ofTopic.find((record) => record.trace !== undefined)?.trace;
      const span = startSend(topic, ofTopic.length, trace);
      const published = appendAtLeastOnce(this.log, topic, ofTopic, options);
      await (span === undefined ? published : span.during(published));
    }
  }
}
