/**
 * The turns of an event loop that shards share with each other and with whoever asks them: what one
 * after the other does in microtasks and timers adds up, and a question would wait for all of it.
 *
 * It takes an idle moment for a question to come in. A thread that always has work of its own at hand
 * looks at what other threads have sent at every 31st turn of its loop only (`REMOTE_FIRST_INTERVAL`
 * of tokio's `LocalSet`, which runs it): with turns of 5 ms that makes a message wait for up to 130.
 *
 * @module
 */
import { limits } from "../../schema/limits.ts";

export interface LoopShareOptions {
  /** Milliseconds. */
  readonly now: () => number;
  /** Runs `next` after the shortest pause there is, a millisecond, in the order of the calls. */
  readonly pause: (next: () => void) => void;
  /** How long work may go on without an idle moment, milliseconds. @default limits.shardTurnMsMax */
  readonly turnMsMax?: number;
}

/** A pause that ends in time was idle: nobody worked when it was over. Milliseconds. */
const pauseMsInTime = 1.7;

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
  /** Since when there was no idle moment; `undefined`: there was one, and nobody has worked since. */
  #since: number | undefined;
  #isPausing = false;

  constructor(options: LoopShareOptions) {
    this.#options = options;
    this.#turnMsMax = options.turnMsMax ?? limits.shardTurnMsMax;
  }

  /** That of this thread. */
  static ofThread(turnMsMax: number = limits.shardTurnMsMax): LoopShare {
    const pause = (next: () => void) => void setTimeout(next);
    return new LoopShare({ now: () => performance.now(), pause, turnMsMax });
  }

  /** One whose pauses are a clock's, for tests and the simulator. */
  static by(clock: { now(): number; sleep(ms: number): Promise<void> }): LoopShare {
    const pause = (next: () => void) => void clock.sleep(0).then(next);
    return new LoopShare({ now: () => clock.now(), pause });
  }

  /** True when it is time for a pause, and while that lasts. */
  get isSpent(): boolean {
    if (this.#isPausing) return true;
    const now = this.#options.now();
    if (this.#since === undefined) {
      this.#since = now;
      this.#awaitIdle();
      return false;
    }
    if (now - this.#since < this.#turnMsMax) return false;
    this.#isPausing = true;
    this.#options.pause(() => {
      this.#isPausing = false;
      this.#since = undefined;
    });
    return true;
  }

  /** Resolves after a pause, in the order of the calls. */
  next(): Promise<void> {
    return new Promise((resolve) => this.#options.pause(resolve));
  }

  /** Notices an idle moment that comes by itself. */
  #awaitIdle(): void {
    const { now, pause } = this.#options;
    const begunAt = now();
    pause(() => {
      if (this.#isPausing || this.#since === undefined) return;
      if (now() - begunAt <= pauseMsInTime) this.#since = undefined;
      else this.#awaitIdle();
    });
  }
}
