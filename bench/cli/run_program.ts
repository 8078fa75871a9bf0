/**
 * How a command-line program ends: what it answers, what it was asked wrongly, Ctrl-C.
 *
 * @module
 */
import { print } from "./print.ts";

/** What a program is interrupted by, and the status that says so (128 + SIGINT). */
const interrupts = ["SIGINT", "SIGTERM"] as const;
const interrupted = 130;
/** The status of a program that was asked for what it cannot do. */
const wronglyAsked = 2;

/**
 * Runs `main` and ends the process with the status that it gives, or with 2 and one line where it
 * throws a `RangeError`: options that cannot be. Other errors are thrown.
 *
 * @param clear what must not be left behind when the program is interrupted, processes it has started
 * for one; the status is 130 then. @default nothing, and interrupts end the process at once
 */
export async function runProgram(
  main: () => Promise<number>,
  clear?: () => Promise<unknown>,
): Promise<never> {
  if (clear !== undefined) {
    for (const signal of interrupts) {
      Deno.addSignalListener(signal, () => void clear().finally(() => Deno.exit(interrupted)));
    }
  }
  try {
    Deno.exit(await main());
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    print(cause.message);
    Deno.exit(wronglyAsked);
  }
}
