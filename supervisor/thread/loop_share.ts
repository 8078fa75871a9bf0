/**
 * The turns of an event loop that shards share with each other and with whoever asks them: what one
 * after the other does in microtasks and timers adds up, and a question would wait for all of it.
 *
 * @module
 */
import { limits } from "../../schema/limits.ts";

export interface LoopShareOptions {
  /** Milliseconds. */
  readonly now: () => number;
  /** Runs `next` in a later turn, once the loop has looked at what came from outside. */
  readonly later: (next: () => void) => void;
  /** How long the work of one turn may take, milliseconds. @default limits.shardTurnMsMax */
  readonly turnMsMax?: number;
}

/**
 * One for all who work in a thread. Each looks, without an `await` between looking and working:
 *
 * ```ts ignore
 * while (loop.isSpent) await loop.next();
 * work();
 * ```
 */
export class LoopShare {
  readonly #options: LoopShareOptions;
  readonly #turnMsMax: number;
  /** When work began in this turn; `undefined` before. */
  #since: number | undefined;

  constructor(options: LoopShareOptions) {
    this.#options = options;
    this.#turnMsMax = options.turnMsMax ?? limits.shardTurnMsMax;
  }

  /**
   * That of this thread. A turn ends with a timer and not with an immediate or a microtask: a thread
   * that has work of its own at once looks at what other threads have sent at every 31st turn only
   * (`REMOTE_FIRST_INTERVAL` of tokio's `LocalSet`, which runs it), 130 ms with turns of 5 ms.
   */
  static ofThread(turnMsMax: number = limits.shardTurnMsMax): LoopShare {
    const later = (next: () => void) => void setTimeout(next);
    return new LoopShare({ now: () => performance.now(), later, turnMsMax });
  }

  /** One whose turns are a clock's, for tests and the simulator. */
  static by(clock: { now(): number; sleep(ms: number): Promise<void> }): LoopShare {
    const later = (next: () => void) => void clock.sleep(0).then(next);
    return new LoopShare({ now: () => clock.now(), later });
  }

  /** True when the turn's time has been worked; begins to count when nobody has worked yet. */
  get isSpent(): boolean {
    const now = this.#options.now();
    if (this.#since !== undefined) return now - this.#since >= this.#turnMsMax;
    this.#since = now;
    this.#options.later(() => this.#since = undefined);
    return false;
  }

  /** Resolves in a later turn, in the order of the calls. */
  next(): Promise<void> {
    return new Promise((resolve) => this.#options.later(resolve));
  }
}
