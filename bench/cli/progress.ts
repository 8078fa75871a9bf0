/**
 * Progress on a terminal: a bar that redraws itself; a plain line now and then where there is none.
 *
 * @module
 */
import { print, write } from "./print.ts";

const barChars = 24;
const redrawMs = 200;
const lineMs = 5_000;

/** Calls `line` regularly and shows what it says. */
export class Progress {
  readonly #isTerminal: boolean;
  readonly #line: () => { share: number; text: string };
  readonly #timer: ReturnType<typeof setInterval>;

  /** @param line how much is done, 0 to 1, and what to say about it */
  constructor(line: () => { share: number; text: string }, isTerminal = Deno.stdout.isTerminal()) {
    this.#line = line;
    this.#isTerminal = isTerminal;
    this.#timer = setInterval(() => this.#show(), isTerminal ? redrawMs : lineMs);
  }

  /** Shows the last state and ends. */
  finish(): void {
    clearInterval(this.#timer);
    this.#show();
    if (this.#isTerminal) print();
  }

  #show(): void {
    const { share, text } = this.#line();
    if (!this.#isTerminal) return print(text);
    write(`\r${bar(share, barChars)} ${text}\x1b[K`);
  }
}

/** `████████░░░░ 67 %`, `share` clamped to 0 … 1. */
export function bar(share: number, chars: number): string {
  const clamped = Math.max(0, Math.min(1, share));
  const full = Math.round(clamped * chars);
  return `${"█".repeat(full)}${"░".repeat(chars - full)} ${
    String(Math.round(clamped * 100)).padStart(3)
  } %`;
}
