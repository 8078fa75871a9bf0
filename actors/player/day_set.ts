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
  /** Most need no more than one word, which lies in the object itself. */
  #first = 0;
  #more = noWords;

  has(day: number): boolean {
    const index = (day - this.#base) >> 5;
    const word = index === 0 ? this.#first : this.#more[index - 1] ?? 0;
    return (word & (1 << (day & 31))) !== 0;
  }

  /** Adds a day; false when it was there. */
  add(day: number): boolean {
    if (this.has(day)) return false;
    const bit = 1 << (day & 31);
    const index = (day - this.#base) >> 5;
    if (this.#words().length === 0) this.#replace(day & ~31, [bit]);
    else if (index === 0) this.#first |= bit;
    else {
      const before = Math.max(0, -index);
      const length = Math.max(this.#words().length, index + 1) + before;
      const words = new Array<number>(length).fill(0);
      for (const [i, word] of this.#words().entries()) words[before + i] = word;
      words[before + index]! |= bit;
      this.#replace(this.#base - 32 * before, words);
    }
    return true;
  }

  #words(): readonly number[] {
    return this.#first === 0 && this.#more.length === 0 ? noWords : [this.#first, ...this.#more];
  }

  #replace(base: number, [first = 0, ...more]: readonly number[]): void {
    this.#base = base;
    this.#first = first;
    // Never longer than needed: an array that grew by itself would reserve many words.
    this.#more = more.length === 0 ? noWords : more.slice();
  }

  /** {@link newlyCovered} by a day, for this set. */
  newlyCovered(day: number, length: number): DayRange {
    return newlyCovered(this, day, length);
  }

  /** The days, ascending. */
  days(): number[] {
    return this.#words().flatMap((word, index) => {
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
    return this.#more.length === 0 ? 56 : 104 + this.#more.length * 8;
  }

  /** `[base, word, word …]`. */
  encode(): number[] {
    return [this.#base, ...this.#words()];
  }

  static decode([base = 0, ...words]: readonly number[]): DaySet {
    const set = new DaySet();
    set.#replace(base, words);
    return set;
  }
}
