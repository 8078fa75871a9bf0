/**
 * Zipf's law: the item of rank r is taken 1/r^s times as often as the first. Few games have most
 * players.
 *
 * @module
 */

/** A Zipf distribution over ranks 0 … `items` − 1. */
export class Zipf {
  readonly #cumulative: Float64Array;

  /**
   * @param items at least 1
   * @param exponent steepness s. @default 1
   * @throws {RangeError} there are no items
   */
  constructor(items: number, exponent = 1) {
    if (!Number.isInteger(items) || items < 1) {
      throw new RangeError(
        `Cannot draw by Zipf's law as 'items' must be at least 1: current value is ${items}`,
      );
    }
    this.#cumulative = new Float64Array(items);
    let sum = 0;
    for (let rank = 0; rank < items; rank++) {
      sum += 1 / (rank + 1) ** exponent;
      this.#cumulative[rank] = sum;
    }
    for (let rank = 0; rank < items; rank++) this.#cumulative[rank]! /= sum;
  }

  /** The rank that a number in [0, 1) falls on. */
  rank(unit: number): number {
    const cumulative = this.#cumulative;
    let low = 0;
    let high = cumulative.length - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (unit < cumulative[middle]!) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  /** The share of `rank` among all draws. */
  share(rank: number): number {
    return this.#cumulative[rank]! - (rank === 0 ? 0 : this.#cumulative[rank - 1]!);
  }
}
