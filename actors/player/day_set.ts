/**
 * A set of UTC days as a bitmap: four bytes for 32 days, so years of play stay small.
 *
 * @module
 */

/** A range of days, both inclusive; empty when `from > to`. */
export interface DayRange {
  readonly from: number;
  readonly to: number;
}

/**
 * The window ends that `day` covers and no day of the set covers yet, among the ends
 * `day … day + length − 1` of windows of `length` days. The nearest neighbours decide: the day
 * before covers the ends up to its own last, the day after those from itself on.
 */
export function newlyCovered(
  days: { has(day: number): boolean },
  day: number,
  length: number,
): DayRange {
  let from = day;
  let to = day + length - 1;
  for (let d = day - 1; d > day - length; d--) {
    if (days.has(d)) {
      from = d + length;
      break;
    }
  }
  for (let d = day; d <= to; d++) {
    if (days.has(d)) {
      to = d - 1;
      break;
    }
  }
  return { from, to };
}

const noWords: readonly number[] = [];

export class DaySet {
  /** Day of the first word's lowest bit; a multiple of 32. */
  #base = 0;
  /** Never longer than needed: an array that grew by itself would reserve many words. */
  #words: number[] = noWords as number[];

  has(day: number): boolean {
    const word = this.#words[(day - this.#base) >> 5] ?? 0;
    return this.#words.length > 0 && day >= this.#base && (word & (1 << (day & 31))) !== 0;
  }

  /** Adds a day; false when it was there. */
  add(day: number): boolean {
    if (this.has(day)) return false;
    const base = day & ~31;
    if (this.#words.length === 0) this.#base = base;
    const index = (base - this.#base) >> 5;
    if (index < 0) this.#resize(this.#words.length - index, -index);
    else if (index >= this.#words.length) this.#resize(index + 1, 0);
    this.#words[(base - this.#base) >> 5]! |= 1 << (day & 31);
    return true;
  }

  /** Makes it `length` words with `before` new ones in front. */
  #resize(length: number, before: number): void {
    const words = new Array<number>(length).fill(0);
    for (let i = 0; i < this.#words.length; i++) words[before + i] = this.#words[i]!;
    this.#words = words;
    this.#base -= 32 * before;
  }

  /** {@link newlyCovered} by a day, for this set. */
  newlyCovered(day: number, length: number): DayRange {
    return newlyCovered(this, day, length);
  }

  /** The days, ascending. */
  days(): number[] {
    return this.#words.flatMap((word, index) => {
      const base = this.#base + index * 32;
      return Array.from({ length: 32 }, (_, bit) => base + bit)
        .filter((day) => (word & (1 << (day & 31))) !== 0);
    });
  }

  /** How many days of `[from, to]` are set. */
  countBetween(from: number, to: number): number {
    let count = 0;
    for (let d = from; d <= to; d++) if (this.has(d)) count++;
    return count;
  }

  get bytes(): number {
    return this.#words.length === 0 ? 50 : 100 + this.#words.length * 8;
  }

  /** `[base, word, word …]`. */
  encode(): number[] {
    return [this.#base, ...this.#words];
  }

  static decode(numbers: readonly number[]): DaySet {
    const set = new DaySet();
    set.#base = numbers[0] ?? 0;
    if (numbers.length > 1) set.#words = numbers.slice(1);
    return set;
  }
}
