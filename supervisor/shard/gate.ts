/**
 * A gate that one loop opens for another: the only way the loops of a shard wait for each other.
 *
 * @module
 */

export class Gate {
  readonly #waiting = new Set<() => void>();

  /** How many wait now. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /** Resolves at the next {@link open}, or when `signal` aborts. */
  wait(signal: AbortSignal): Promise<void> {
    if (signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const done = () => {
        signal.removeEventListener("abort", done);
        // Who gives up must not be kept: some gates are opened once in a blue moon.
        this.#waiting.delete(done);
        resolve();
      };
      signal.addEventListener("abort", done, { once: true });
      this.#waiting.add(done);
    });
  }

  /** Wakes everybody who waits now. */
  open(): void {
    for (const done of this.#waiting) done();
  }
}
