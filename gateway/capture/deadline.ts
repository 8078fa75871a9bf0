/**
 * A deadline that many promises share: one timer for all that are under way, as a timer a request
 * costs a gateway under load a twentieth of its time.
 *
 * @module
 */

interface Waiting {
  readonly dueAt: number;
  readonly expire: () => void;
}

export class Deadline {
  /** In the order in which they are due. */
  readonly #waiting = new Set<Waiting>();
  #timer: ReturnType<typeof setTimeout> | undefined;

  /**
   * @param ms how long each promise may take
   * @param late what it is rejected with then
   */
  constructor(readonly ms: number, readonly late: () => Error) {}

  /** As `promise`, unless that takes too long. @throws {Error} `late()` */
  bound<T>(promise: Promise<T>): Promise<T> {
    const { promise: bound, resolve, reject } = Promise.withResolvers<T>();
    const waiting = {
      dueAt: performance.now() + this.ms,
      expire: () => reject(this.late()),
    };
    this.#waiting.add(waiting);
    this.#timer ??= setTimeout(() => this.#look(), this.ms);
    const leave = () => {
      this.#waiting.delete(waiting);
      if (this.#waiting.size > 0) return;
      clearTimeout(this.#timer);
      this.#timer = undefined;
    };
    promise.then(
      (value) => {
        leave();
        resolve(value);
      },
      (error) => {
        leave();
        reject(error);
      },
    );
    return bound;
  }

  #look(): void {
    this.#timer = undefined;
    const now = performance.now();
    for (const waiting of this.#waiting) {
      if (waiting.dueAt > now) {
        this.#timer = setTimeout(() => this.#look(), waiting.dueAt - now);
        return;
      }
      this.#waiting.delete(waiting);
      waiting.expire();
    }
  }
}
