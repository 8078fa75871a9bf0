/**
 * The heaviest of very many keys, in a fixed amount of memory: the space-saving sketch of Metwally,
 * Agrawal and El Abbadi, "Efficient computation of frequent and top-k elements in data streams",
 * ICDT 2005, with weights. Any key heavier than the total / capacity is held; what is shown for a key
 * is at least its true weight, and at most `error` more.
 *
 * @module
 */

/** A key that the sketch holds. */
export interface Heavy {
  readonly key: string;
  /** Never less than the key's true weight. */
  readonly weight: number;
  /** The true weight is at least `weight - error`. */
  readonly error: number;
  /** What was added beside the weight since the key is held. */
  readonly beside: number;
}

export class SpaceSaving {
  readonly #slots = new Map<string, number>();
  readonly #keys: string[] = [];
  readonly #weights: Float64Array;
  readonly #errors: Float64Array;
  readonly #beside: Float64Array;
  /** Slots, the lightest first: a binary heap, and where in it each slot stands. */
  readonly #heap: Int32Array;
  readonly #places: Int32Array;
  #total = 0;

  /** @param capacity keys held, at least 1 */
  constructor(readonly capacity: number) {
    if (!Number.isSafeInteger(capacity) || capacity < 1) {
      throw new RangeError(
        `Cannot sketch as 'capacity' must be a whole number from 1: current value is ${capacity}`,
      );
    }
    this.#weights = new Float64Array(capacity);
    this.#errors = new Float64Array(capacity);
    this.#beside = new Float64Array(capacity);
    this.#heap = new Int32Array(capacity);
    this.#places = new Int32Array(capacity);
  }

  /** Sum of all that was added. */
  get total(): number {
    return this.#total;
  }

  /** How many keys it holds. */
  get size(): number {
    return this.#keys.length;
  }

  /**
   * @param weight above 0
   * @param beside a second figure to add up for the key. @default 0
   */
  add(key: string, weight: number, beside = 0): void {
    this.#total += weight;
    let slot = this.#slots.get(key);
    if (slot === undefined) {
      slot = this.#keys.length;
      if (slot < this.capacity) {
        this.#keys.push(key);
        this.#heap[slot] = slot;
        this.#places[slot] = slot;
        this.#weights[slot] = weight;
        this.#beside[slot] = beside;
        this.#slots.set(key, slot);
        this.#rise(slot);
        return;
      }
      // The lightest gives its place, and its weight is how wrong the new one may be.
      slot = this.#heap[0]!;
      this.#slots.delete(this.#keys[slot]!);
      this.#errors[slot] = this.#weights[slot]!;
      this.#beside[slot] = 0;
      this.#keys[slot] = key;
      this.#slots.set(key, slot);
    }
    this.#weights[slot]! += weight;
    this.#beside[slot]! += beside;
    this.#sink(this.#places[slot]!);
  }

  /** `undefined` for a key that it does not hold. */
  get(key: string): Heavy | undefined {
    const slot = this.#slots.get(key);
    return slot === undefined ? undefined : this.#heavy(slot);
  }

  /** The heaviest keys, heaviest first. */
  top(limit: number): Heavy[] {
    return this.#keys.map((_, slot) => this.#heavy(slot))
      .sort((a, b) => b.weight - a.weight || (a.key < b.key ? -1 : 1))
      .slice(0, limit);
  }

  #heavy(slot: number): Heavy {
    return {
      key: this.#keys[slot]!,
      weight: this.#weights[slot]!,
      error: this.#errors[slot]!,
      beside: this.#beside[slot]!,
    };
  }

  #rise(from: number): void {
    for (let place = from; place > 0;) {
      const above = (place - 1) >> 1;
      if (this.#weightAt(above) <= this.#weightAt(place)) return;
      this.#swap(place, above);
      place = above;
    }
  }

  #sink(from: number): void {
    const size = this.#keys.length;
    for (let place = from;;) {
      let least = place;
      const left = 2 * place + 1;
      if (left < size && this.#weightAt(left) < this.#weightAt(least)) least = left;
      if (left + 1 < size && this.#weightAt(left + 1) < this.#weightAt(least)) least = left + 1;
      if (least === place) return;
      this.#swap(place, least);
      place = least;
    }
  }

  #weightAt(place: number): number {
    return this.#weights[this.#heap[place]!]!;
  }

  #swap(a: number, b: number): void {
    const [x, y] = [this.#heap[a]!, this.#heap[b]!];
    this.#heap[a] = y;
    this.#heap[b] = x;
    this.#places[y] = a;
    this.#places[x] = b;
  }
}
