/**
 * The live subscriptions of one gateway, whatever protocol carries them, so that a drain can end
 * them all.
 *
 * @module
 */
import type { GatewayMetrics } from "../deps.ts";

/** One live subscription. */
export interface Lease {
  /** Aborts when the subscription ends from either side. */
  readonly signal: AbortSignal;
  /** Ends it; further calls do nothing. */
  end(): void;
}

export class Subscriptions {
  readonly #leases = new Set<Lease>();

  constructor(readonly metrics: Pick<GatewayMetrics, "subscriptions">) {}

  get size(): number {
    return this.#leases.size;
  }

  /** @param during looks after it, may end it, and is let go by what it returns. @default nobody */
  open(during?: (end: () => void) => () => void): Lease {
    const controller = new AbortController();
    let letGo: (() => void) | undefined = undefined;
    const lease: Lease = {
      signal: controller.signal,
      end: () => {
        if (!this.#leases.delete(lease)) return;
        letGo?.();
        this.metrics.subscriptions(this.#leases.size);
        controller.abort();
      },
    };
    this.#leases.add(lease);
    letGo = during?.(lease.end);
    this.metrics.subscriptions(this.#leases.size);
    return lease;
  }

  endAll(): void {
    for (const lease of [...this.#leases]) lease.end();
  }

  /**
   * What `produce` yields, as long as the subscription lives. Unlike a bare generator, which takes
   * a `return()` only when the value it waits for has come, this one ends at once.
   *
   * @param produce must end when its signal aborts
   * @param during as {@link open} takes it
   */
  iterate<T>(
    produce: (signal: AbortSignal) => AsyncGenerator<T>,
    during?: (end: () => void) => () => void,
  ): AsyncIterableIterator<T> {
    const lease = this.open(during);
    const inner = produce(lease.signal);
    const iterator: AsyncIterableIterator<T> = {
      async next() {
        try {
          const result = await inner.next();
          if (result.done) lease.end();
          return result;
        } catch (error) {
          lease.end();
          throw error;
        }
      },
      return() {
        lease.end();
        return inner.return(undefined);
      },
      [Symbol.asyncIterator]: () => iterator,
    };
    return iterator;
  }
}
