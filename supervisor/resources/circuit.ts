/**
 * A circuit: after a few failures in a row calls are refused at once instead of waited for, until a
 * probe succeeds. It has no timer of its own.
 *
 * @module
 */

/** Failures in a row that open it. One slow answer on a busy machine is none of an outage. */
const failuresMax = 3;

export class Circuit {
  #failures = 0;
  #reason: string | undefined;

  /** @param onChange hears why it opened; `undefined`: it closed */
  constructor(readonly onChange: (reason: string | undefined) => void) {}

  /** Why calls are refused; `undefined`: they are made. */
  get reason(): string | undefined {
    return this.#reason;
  }

  failed(reason: string): void {
    if (++this.#failures >= failuresMax) this.open(reason);
  }

  succeeded(): void {
    this.#failures = 0;
    if (this.#reason === undefined) return;
    this.#reason = undefined;
    this.onChange(undefined);
  }

  open(reason: string): void {
    const wasClosed = this.#reason === undefined;
    this.#reason = reason;
    if (wasClosed) this.onChange(reason);
  }
}
