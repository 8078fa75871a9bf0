/** The one place where command-line programs write to standard output. */

const encoder = new TextEncoder();

/** Writes one line to standard output. */
export function print(line = ""): void {
  write(`${line}\n`);
}

/** Writes text without a line end, for progress bars and cursor moves. */
export function write(text: string): void {
  const bytes = encoder.encode(text);
  for (let done = 0; done < bytes.length;) done += Deno.stdout.writeSync(bytes.subarray(done));
}

/** Writes one line to standard error: how it goes on, where standard output is for figures. */
export function note(line: string): void {
  const bytes = encoder.encode(`${line}\n`);
  for (let done = 0; done < bytes.length;) done += Deno.stderr.writeSync(bytes.subarray(done));
}
