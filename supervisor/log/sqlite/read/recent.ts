/**
 * What was used last, up to a weight.
 *
 * @module
 */

export class Recent<V> {
  readonly #weightMax: number;
  readonly #dropped: (value: V) => void;
  /** Least recently used first. */
  readonly #kept = new Map<string, { readonly value: V; readonly weight: number }>();
  #weight = 0;

  /**
   * @param weightMax of all that is kept together; a single value may be heavier
   * @param dropped is given what is kept no longer
   */
  constructor(weightMax: number, dropped: (value: V) => void = () => {}) {
    this.#weightMax = weightMax;
    this.#dropped = dropped;
  }

  get(key: string): V | undefined {
    const kept = this.#kept.get(key);
    if (kept === undefined) return undefined;
    this.#kept.delete(key);
    this.#kept.set(key, kept);
    return kept.value;
  }

  /** Keeps `value`, in place of what had its key, and lets go of what is too much. */
  set(key: string, value: V, weight: number): void {
    this.#drop(key);
    this.#kept.set(key, { value, weight });
    this.#weight += weight;
    for (const oldest of this.#kept.keys()) {
      if (this.#weight <= this.#weightMax || oldest === key) return;
      this.#drop(oldest);
    }
  }

  clear(): void {
    for (const key of this.#kept.keys()) this.#drop(key);
  }

  #drop(key: string): void {
    const kept = this.#kept.get(key);
    if (kept === undefined) return;
    this.#weight -= kept.weight;
    this.#kept.delete(key);
    this.#dropped(kept.value);
  }
}
