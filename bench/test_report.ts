/**
 * Reads what `deno test` prints: how many passed and failed, and what was skipped by name.
 *
 * @module
 */

export interface TestTotals {
  readonly passed: number;
  readonly failed: number;
}

/** Takes the lines of `deno test` one by one. */
export class TestReport {
  /** `file: name` of each test that was skipped. */
  readonly skipped: string[] = [];
  #file = "";
  #totals: TestTotals | undefined;

  /** @param line without its line feed, coloured or not */
  take(line: string): void {
    const plain = stripColours(line);
    const running = /^running \d+ tests? from (?:\.\/)?(.+)$/.exec(plain);
    if (running !== null) this.#file = running[1]!;
    const ignored = /^(\S.*) \.\.\. ignored \(/.exec(plain);
    if (ignored !== null) this.skipped.push(`${this.#file}: ${ignored[1]}`);
    const summary = /^(?:ok|FAILED) \| (\d+) passed.*? \| (\d+) failed/.exec(plain);
    if (summary !== null) {
      this.#totals = { passed: Number(summary[1]), failed: Number(summary[2]) };
    }
  }

  /**
   * The totals of the run. A run that failed without saying of which test (it did not compile, it
   * leaked outside of a test) counts one failure.
   *
   * @param code exit code of `deno test`
   */
  totals(code: number): TestTotals {
    const { passed, failed } = this.#totals ?? { passed: 0, failed: 0 };
    return { passed, failed: code !== 0 && failed === 0 ? 1 : failed };
  }
}

/** The text without ANSI colours. */
export function stripColours(text: string): string {
  // deno-lint-ignore no-control-regex -- an escape sequence begins with the control ESC
  return text.replaceAll(/\x1b\[[0-9;]*m/g, "");
}
