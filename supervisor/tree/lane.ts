import type { Slot } from "./slot.ts";

/** What a lane asks of its supervisor. */
export interface LaneHost {
  /** Aborts when the supervisor stops; nothing is started from then on. */
  readonly stopping: AbortSignal;
  /** May the slots be restarted? False when the budget is exhausted; the supervisor then stops. */
  allowRestart(failed: Slot): boolean;
  /** Waits before a restart, or until `signal` aborts. */
  backOff(failures: number, signal: AbortSignal): Promise<void>;
}

/**
 * Slots that are started in order and mended one failure after the other. Under `one_for_one` each
 * child has a lane of its own, so that no restart waits for another; else all share one.
 */
export class Lane {
  /** Resolves when every slot has been started once. */
  readonly started: Promise<void>;
  readonly #started = Promise.withResolvers<void>();
  /** Slots that failed and are not yet taken care of. */
  readonly #failed = new Set<Slot>();
  #changed = Promise.withResolvers<void>();

  /**
   * @param slots in start order
   * @param restartsFrom the first slot that is restarted when the slot at `index` fails
   */
  constructor(
    private readonly slots: readonly Slot[],
    private readonly restartsFrom: (index: number) => number,
    private readonly host: LaneHost,
  ) {
    this.started = this.#started.promise;
    host.stopping.addEventListener("abort", () => this.#wake(), { once: true });
  }

  /** Tells the lane that one of its slots ended by itself and must be started again. */
  failed(slot: Slot): void {
    this.#failed.add(slot);
    this.#wake();
  }

  /** Starts the slots and keeps them up until the supervisor stops. */
  async run(): Promise<void> {
    let from = 0;
    while (!this.host.stopping.aborted) {
      await this.#startFrom(from);
      from = await this.#mend();
    }
  }

  /** Starts what is down, in order; gives up at the first failure, which {@link #mend} finds. */
  async #startFrom(from: number): Promise<void> {
    for (const slot of this.slots.slice(from)) {
      if (this.#isDisturbed) return;
      if (slot.mayStart) await Promise.race([slot.start(), this.#changed.promise]);
    }
    if (!this.#isDisturbed) this.#started.resolve();
  }

  /**
   * Waits for failures, takes down what must be restarted with them, and backs off.
   *
   * Whoever fails meanwhile stands before all that is down, so the next call takes down more.
   *
   * @returns the index to start from again
   */
  async #mend(): Promise<number> {
    while (!this.#isDisturbed) await this.#changed.promise;
    const failed = [...this.#failed];
    const worst = failed.reduce((a, b) => b.failures > a.failures ? b : a, failed[0]!);
    // Failures that one repair mends together had one cause and cost one restart.
    if (this.host.stopping.aborted || !this.host.allowRestart(worst)) return this.slots.length;
    const from = Math.min(...failed.map((slot) => this.restartsFrom(this.slots.indexOf(slot))));
    await this.#takeDown(this.slots.slice(from));
    await this.#backOff(worst.failures);
    return from;
  }

  async #takeDown(slots: readonly Slot[]): Promise<void> {
    for (const slot of slots.toReversed()) {
      await slot.stop();
      if (this.host.stopping.aborted) return;
      slot.awaitRestart();
    }
    // Mended by what follows, and with them those that failed while siblings were being stopped.
    for (const slot of slots) this.#failed.delete(slot);
  }

  async #backOff(failures: number): Promise<void> {
    if (this.#isDisturbed) return;
    const wait = new AbortController();
    await Promise.race([this.host.backOff(failures, wait.signal), this.#changed.promise]);
    wait.abort();
  }

  get #isDisturbed(): boolean {
    return this.#failed.size > 0 || this.host.stopping.aborted;
  }

  #wake(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }
}
