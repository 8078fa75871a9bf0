/**
 * One thing that was checked, and how it is shown.
 *
 * @module
 */
import type { Difference } from "./figures.ts";

/** How many differences of a check are kept for showing. */
export const examplesMax = 5;

export interface Check {
  readonly name: string;
  /** `undefined`: it could not be made; `detail` says why. */
  readonly ok: boolean | undefined;
  /** What was compared with what, in numbers. */
  readonly detail: string;
  /** The first differences, one line each. */
  readonly examples: readonly string[];
}

/** A check of figures by name: ok when no name has a difference. */
export class Comparison {
  #compared = 0;
  #wrong = 0;
  #values = 0;
  readonly #examples: string[] = [];

  constructor(readonly name: string, readonly things: string) {}

  /** Adds one thing's differences. */
  add(id: string, differences: readonly Difference[]): void {
    this.#compared++;
    if (differences.length > 0) this.#wrong++;
    this.#values += differences.length;
    for (const { path, expected, actual } of differences) {
      if (this.#examples.length >= examplesMax) break;
      this.#examples.push(
        `${id} ${path}: expected ${JSON.stringify(expected)}, got ${JSON.stringify(actual)}`,
      );
    }
  }

  result(): Check {
    return {
      name: this.name,
      ok: this.#wrong === 0,
      detail: this.#wrong === 0
        ? `${this.#compared} ${this.things}`
        : `${this.#wrong} of ${this.#compared} ${this.things} differ, in ${this.#values} values`,
      examples: this.#examples,
    };
  }
}

/** What a check found that should not be there. */
export interface Offenders {
  readonly count: number;
  /** The first few. */
  readonly examples: readonly string[];
}

/** A check that is ok when there are no offenders. */
export function noneOf(name: string, { count, examples }: Offenders, of: string): Check {
  return { name, ok: count === 0, detail: count === 0 ? of : `${count} of ${of}`, examples };
}

/** The checks as a table: `✓ name  detail`, examples below. */
export function tableOf(checks: readonly Check[]): string[] {
  const width = Math.max(0, ...checks.map((check) => check.name.length));
  return checks.flatMap(({ name, ok, detail, examples }) => [
    `${ok === undefined ? "–" : ok ? "✓" : "✗"} ${name.padEnd(width)}  ${detail}`,
    ...examples.map((example) => `    ${example}`),
  ]);
}
