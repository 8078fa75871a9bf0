/**
 * Subscriptions on the main thread: a bounded queue for each subscriber, filled by the workers. A
 * slow subscriber loses the oldest, it never holds up a shard; where events were lost it finds `null`.
 *
 * @module
 */
import { limits } from "../../schema/limits.ts";
import type { RecordedEvent } from "../platform.ts";
import { type OpenSpan, startSpan } from "../observability/trace.ts";
import { Gate } from "../shard/gate.ts";
import type { Fired, WorkerWatch } from "./worker_protocol.ts";

/** A watch without its id. */
export type WatchSpec = WorkerWatch extends infer W ? W extends WorkerWatch ? Omit<W, "id"> : never
  : never;

class Subscriber {
  readonly #gate = new Gate();
  #queue: (RecordedEvent | null)[] = [];
  /** From a traced notice to the next value that the reader takes. */
  #notifying: OpenSpan | undefined;

  constructor(readonly watch: WorkerWatch) {}

  push(fired: Fired): void {
    // An actor that changed twice before it was read has changed: one notice is enough.
    if (fired.events === null) this.#queue = [null];
    else this.#queue.push(...fired.events);
    const excess = this.#queue.length - limits.subscriptionQueueMax;
    // One is left out beyond what must be, for the mark in its place.
    if (excess > 0) this.#queue.splice(0, excess + 1, null);
    if (fired.trace !== undefined) this.#notifying ??= notifySpan(this.watch, fired.trace);
    this.#gate.open();
  }

  #taken(): void {
    this.#notifying?.end();
    this.#notifying = undefined;
  }

  /** One value at a time: what the reader has not come to is still bounded, and void after an abort. */
  async *read(signal: AbortSignal, end: () => void): AsyncGenerator<RecordedEvent | null> {
    try {
      while (!signal.aborted) {
        if (this.#queue.length === 0) await this.#gate.wait(signal);
        else {
          this.#taken();
          yield this.#queue.shift()!;
        }
      }
    } finally {
      this.#taken();
      end();
    }
  }
}

/** The span of telling one subscriber. */
function notifySpan(watch: WorkerWatch, parent: string): OpenSpan {
  return startSpan({
    name: `send ${watch.type}`,
    kind: "producer",
    parent,
    attributes: {
      "messaging.system": "gamemetrics",
      "messaging.operation.type": "send",
      "messaging.operation.name": "notify",
      "messaging.destination.name": watch.type,
      "messaging.destination.subscription.name": String(watch.id),
    },
  });
}

export class WatchHub {
  readonly #subscribers = new Map<number, Subscriber>();
  #nextId = 1;

  /** @param tell sends a watch to the workers, @param forget takes it back */
  constructor(
    readonly tell: (watch: WorkerWatch) => void,
    readonly forget: (id: number) => void,
  ) {}

  /** All watches, for a worker that has just started. */
  watches(): WorkerWatch[] {
    return [...this.#subscribers.values()].map((subscriber) => subscriber.watch);
  }

  get size(): number {
    return this.#subscribers.size;
  }

  /**
   * The values of a watch until `signal` aborts or the reader returns. It is registered before the
   * first value is asked for.
   */
  watch(spec: WatchSpec, signal: AbortSignal): AsyncIterable<RecordedEvent | null> {
    const watch = { ...spec, id: this.#nextId++ } as WorkerWatch;
    const subscriber = new Subscriber(watch);
    this.#subscribers.set(watch.id, subscriber);
    this.tell(watch);
    const end = () => {
      if (this.#subscribers.delete(watch.id)) this.forget(watch.id);
    };
    if (signal.aborted) end();
    signal.addEventListener("abort", end, { once: true });
    return subscriber.read(signal, end);
  }

  fired(notice: Fired): void {
    this.#subscribers.get(notice.id)?.push(notice);
  }
}
