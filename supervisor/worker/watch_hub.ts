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

interface Waiting {
  readonly value: RecordedEvent | null;
  /** Of its text, UTF-16 units. */
  readonly chars: number;
}

/** What a reader finds where there was more, or an actor has changed. */
const mark: Waiting = { value: null, chars: 0 };

class Subscriber {
  readonly #gate = new Gate();
  #queue: Waiting[] = [];
  #chars = 0;
  /** From a traced notice to the next value that the reader takes. */
  #notifying: OpenSpan | undefined;

  /** @param weigh hears of text that waits, or waits no more */
  constructor(readonly watch: WorkerWatch, readonly weigh: (chars: number) => void) {}

  push(fired: Fired): void {
    // An actor that changed twice before it was read has changed: one notice is enough.
    if (fired.events === null) this.#queue = [mark];
    else {
      for (const [i, value] of fired.events.entries()) {
        const chars = fired.chars?.[i] ?? 0;
        this.#queue.push({ value, chars });
        this.#weigh(chars);
      }
      this.shrink(limits.subscriptionQueueMax, limits.subscriptionQueueCharsMax);
    }
    if (fired.trace !== undefined) this.#notifying ??= notifySpan(this.watch, fired.trace);
    this.#gate.open();
  }

  #weigh(chars: number): void {
    this.#chars += chars;
    this.weigh(chars);
  }

  /** Leaves out the oldest, with a mark in their place. */
  shrink(lengthMax: number, charsMax: number): void {
    let [left, chars] = [0, this.#chars];
    while (this.#queue.length - left + Math.min(left, 1) > lengthMax || chars > charsMax) {
      chars -= this.#queue[left++]!.chars;
    }
    if (left === 0) return;
    this.#weigh(chars - this.#chars);
    this.#queue.splice(0, left, mark);
  }

  /** Drops what waits. */
  clear(): void {
    this.#queue = [];
    this.#weigh(-this.#chars);
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
          const { value, chars } = this.#queue.shift()!;
          this.#weigh(-chars);
          yield value;
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
  #chars = 0;

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

  /** Text of all events that wait for their readers, UTF-16 units. */
  get chars(): number {
    return this.#chars;
  }

  /**
   * The values of a watch until `signal` aborts or the reader returns. It is registered before the
   * first value is asked for.
   */
  watch(spec: WatchSpec, signal: AbortSignal): AsyncIterable<RecordedEvent | null> {
    const watch = { ...spec, id: this.#nextId++ } as WorkerWatch;
    const subscriber = new Subscriber(watch, (chars) => void (this.#chars += chars));
    this.#subscribers.set(watch.id, subscriber);
    this.tell(watch);
    const end = () => {
      if (!this.#subscribers.delete(watch.id)) return;
      subscriber.clear();
      this.forget(watch.id);
    };
    if (signal.aborted) end();
    signal.addEventListener("abort", end, { once: true });
    return subscriber.read(signal, end);
  }

  fired(notice: Fired): void {
    const subscriber = this.#subscribers.get(notice.id);
    subscriber?.push(notice);
    // Who is behind when there is no more room for anybody's backlog loses his.
    if (this.#chars > limits.subscriptionQueuesCharsMax) subscriber?.shrink(1, 0);
  }
}
