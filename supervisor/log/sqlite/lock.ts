/**
 * The exclusive lock on a data folder. The kernel holds it for an open file, so it ends with its
 * holder, however that ends.
 *
 * @module
 */
import { Terminal } from "../../../schema/errors.ts";

/** Polls while the lock may still belong to a holder that is on its way out. */
const pollMs = 20;

/**
 * Locks `DIR/LOCK`, blocking this thread for `waitMs` at most.
 *
 * @returns the open file: closing it gives the lock back
 * @throws {Terminal} `data_dir_locked`
 */
export function lockFolder(dir: string, waitMs: number): Deno.FsFile {
  const path = `${dir}/LOCK`;
  const file = Deno.openSync(path, { create: true, read: true, write: true });
  const deadline = performance.now() + waitMs;
  while (!file.tryLockSync(true)) {
    if (performance.now() >= deadline) {
      file.close();
      throw new Terminal(
        "data_dir_locked",
        `Cannot open the log in ${dir} as ${holderOf(path)} has it open: a data folder has one ` +
          `writer; stop the other one or choose another DATA_DIR`,
      );
    }
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, pollMs);
  }
  file.truncateSync(0);
  file.writeSync(new TextEncoder().encode(`${Deno.pid}\n`));
  return file;
}

function holderOf(path: string): string {
  try {
    const pid = Deno.readTextFileSync(path).trim();
    return pid === "" ? "another process" : `process ${pid}`;
  } catch {
    return "another process";
  }
}
