/**
 * Virtual time: sleeps cost nothing and happen in one order, so a run is a function of its seed.
 *
 * @module
 */
import { setImmediate } from "node:timers";
import type { Clock } from "../../supervisor/shard/clock.ts";

interface Sleeper {
  readonly at: number;
  readonly order: number;
  readonly wake: () => void;
}

export class VirtualClock implements Clock {
  #now: number;
  #order = 0;
  /** A binary heap by (at, order). */
  readonly #heap: Sleeper[] = [];

  /** @param startMs the first moment, milliseconds since the Unix epoch */
  constructor(startMs: number) {
    this.#now = startMs;
  }

  now(): number {
    return this.#now;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const wake = () => {
        signal?.removeEventListener("abort", wake);
        resolve();
      };
      signal?.addEventListener("abort", wake, { once: true });
      this.#push({ at: this.#now + Math.max(0, ms), order: this.#order++, wake });
    });
  }

  /**
   * Lets time pass until `done` holds.
   *
   * @returns false when it did not hold within `maxMs` of virtual time
   */
  async runUntil(done: () => boolean, maxMs: number): Promise<boolean> {
    const end = this.#now + maxMs;
    for (;;) {
      // A macrotask: every promise that could settle has settled when it comes.
      await new Promise((resolve) => setImmediate(() => resolve(undefined)));
      if (done()) return true;
      const next = this.#pop();
      if (next === undefined || next.at > end) return false;
      this.#now = Math.max(this.#now, next.at);
      next.wake();
    }
  }

  #before(a: Sleeper, b: Sleeper): boolean {
    return a.at < b.at || (a.at === b.at && a.order < b.order);
  }

  #push(sleeper: Sleeper): void {
    const heap = this.#heap;
    let i = heap.push(sleeper) - 1;
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (!this.#before(heap[i]!, heap[parent]!)) break;
      [heap[i], heap[parent]] = [heap[parent]!, heap[i]!];
      i = parent;
    }
  }

  #pop(): Sleeper | undefined {
    const heap = this.#heap;
    const top = heap[0];
    const last = heap.pop();
    if (top === undefined || last === undefined || heap.length === 0) return top;
    heap[0] = last;
    for (let i = 0;;) {
      const left = 2 * i + 1;
      if (left >= heap.length) break;
      const right = left + 1;
      const child = right < heap.length && this.#before(heap[right]!, heap[left]!) ? right : left;
      if (!this.#before(heap[child]!, heap[i]!)) break;
      [heap[i], heap[child]] = [heap[child]!, heap[i]!];
      i = child;
    }
    return top;
  }
}
