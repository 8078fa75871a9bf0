/**
 * What a drill finds as it goes: figures, and what did not hold.
 *
 * @module
 */
import type { DrillResult } from "./drill_types.ts";

export class Findings {
  readonly #counts: Record<string, number> = {};
  readonly #faults: string[] = [];
  readonly #remarks: string[] = [];

  /** Notes a figure, rounded to a thousandth. */
  count(name: string, value: number): void {
    this.#counts[name] = Math.round(value * 1000) / 1000;
  }

  /** Notes the largest of several figures. */
  atLeast(name: string, value: number): void {
    this.count(name, Math.max(this.#counts[name] ?? -Infinity, value));
  }

  /** Notes a fault unless `holds`. @param what what should have held, with the value seen */
  require(holds: boolean, what: string): void {
    if (!holds) this.#faults.push(what);
  }

  /** Notes something worth knowing that is no fault. */
  remark(text: string): void {
    this.#remarks.push(text);
  }

  result(): DrillResult {
    const pass = this.#faults.length === 0;
    return {
      pass,
      counts: this.#counts,
      notes: pass ? this.#remarks : [...this.#faults, ...this.#remarks],
    };
  }
}
