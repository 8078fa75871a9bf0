/**
 * The guard's counts in memory that its thread and another share: refusals can come by thousands a
 * second, and a message for each would hold up who is served.
 *
 * @module
 */
import type { GuardCounts, GuardRefusal } from "./guard.ts";

const reasons: readonly GuardRefusal[] = ["full", "address", "late", "evicted"];

/** Counts on one side, tells on the other. */
export class SharedCounts implements GuardCounts {
  /** Connections open, then refusals by reason, which only grow. */
  readonly #cells: Int32Array;
  readonly #told = reasons.map(() => 0);

  /** @param buffer another's, to share it. @default a new one, all zero */
  constructor(
    readonly buffer: SharedArrayBuffer = new SharedArrayBuffer(4 * (1 + reasons.length)),
  ) {
    this.#cells = new Int32Array(buffer);
  }

  open(connections: number): void {
    Atomics.store(this.#cells, 0, connections);
  }

  refused(reason: GuardRefusal, connections: number): void {
    Atomics.add(this.#cells, 1 + reasons.indexOf(reason), connections);
  }

  /** Tells what is open, and what was refused since it last told. */
  tell(counts: GuardCounts): void {
    counts.open(Atomics.load(this.#cells, 0));
    for (const [i, reason] of reasons.entries()) {
      const total = Atomics.load(this.#cells, 1 + i);
      // Of numbers that start anew at 2^31 the difference is right all the same.
      const connections = total - this.#told[i]! | 0;
      this.#told[i] = total;
      if (connections > 0) counts.refused(reason, connections);
    }
  }
}
