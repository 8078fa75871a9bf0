/**
 * How many restarts a supervisor may make before its failure is more than it can mend:
 * `intensity` within any `periodMs`.
 */
export class RestartBudget {
  /** Times of the restarts within the last period, oldest first. */
  readonly #spent: number[] = [];

  /**
   * @param intensity restarts allowed within a period; 0 escalates at the first failure
   * @param periodMs length of the sliding period, milliseconds
   */
  constructor(readonly intensity: number, readonly periodMs: number) {
    if (!Number.isSafeInteger(intensity) || intensity < 0) {
      throw new RangeError(
        `Cannot budget restarts as 'intensity' must be a whole number from 0: current value is ${intensity}`,
      );
    }
    if (!(periodMs > 0)) {
      throw new RangeError(
        `Cannot budget restarts as 'periodMs' must be above 0: current value is ${periodMs}`,
      );
    }
  }

  /** Takes one restart at time `nowMs`; false when the budget is exhausted. */
  spend(nowMs: number): boolean {
    // Times ahead are of a clock that was set back since: they would be held against it for as long.
    const isOld = (at: number) => at <= nowMs - this.periodMs || at > nowMs;
    while (this.#spent.length > 0 && isOld(this.#spent[0]!)) this.#spent.shift();
    if (this.#spent.length >= this.intensity) return false;
    this.#spent.push(nowMs);
    return true;
  }
}
