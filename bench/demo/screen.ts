/**
 * Draws changing lines in place on a terminal.
 *
 * @module
 */
import { write } from "../cli/print.ts";

/** Rewrites its own lines, leaving what stands above them. */
export class Screen {
  #drawn = 0;

  /** @param out where the text goes. @default standard output */
  constructor(readonly out: (text: string) => void = write, readonly columns = terminalColumns) {}

  draw(lines: readonly string[]): void {
    const width = this.columns();
    const up = this.#drawn > 0 ? `\x1b[${this.#drawn}A` : "";
    // A line that wraps would break the count; `\x1b[J` clears what a longer picture left.
    const text = lines.map((line) => `${line.slice(0, width)}\x1b[K\n`).join("");
    this.out(`${up}${text}\x1b[J`);
    this.#drawn = lines.length;
  }
}

function terminalColumns(): number {
  try {
    return Deno.consoleSize().columns;
  } catch {
    return 120;
  }
}
