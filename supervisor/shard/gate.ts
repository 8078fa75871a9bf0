/**
 * A gate that one loop opens for another: the only way the loops of a shard wait for each other.
 *
 * @module
 */

export class Gate {
  #waiting: (() => void)[] = [];

  /** Resolves at the next {@link open}, or when `signal` aborts. */
  wait(signal: AbortSignal): Promise<void> {
    if (signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const done = () => {
        signal.removeEventListener("abort", done);
        resolve();
      };
      signal.addEventListener("abort", done, { once: true });
      this.#waiting.push(done);
    });
  }

  /** Wakes everybody who waits now. */
  open(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const done of waiting) done();
  }
}
