/**
 * The exclusive lock on `DATA_DIR`. The kernel holds it for the process, so it vanishes with it,
 * kill -9 included; a stale lock cannot exist.
 *
 * @module
 */
import { Terminal } from "../../schema/errors.ts";

/** A held lock. */
export interface DataDirLock {
  readonly dataDir: string;
  /** Lets go. Calling it again does nothing. */
  release(): void;
}

/**
 * Locks `dataDir`, making the folder if need be.
 *
 * @throws {Terminal} `data_dir_locked`: another process has it; `data_dir_not_writable`
 */
export async function lockDataDir(dataDir: string): Promise<DataDirLock> {
  const path = `${dataDir}/lock`;
  let file: Deno.FsFile;
  try {
    await Deno.mkdir(dataDir, { recursive: true });
    file = await Deno.open(path, { read: true, write: true, create: true });
  } catch (cause) {
    const user = Deno.uid() === null ? "" : ` by user ${Deno.uid()}`;
    throw new Terminal(
      "data_dir_not_writable",
      `Cannot use ${dataDir} as ${path} cannot be written${user}: ${(cause as Error).message}. ` +
        `Change its owner or choose another folder with DATA_DIR`,
      { cause },
    );
  }
  if (!await file.tryLock(true)) {
    const owner = (await Deno.readTextFile(path)).trim();
    file.close();
    throw new Terminal(
      "data_dir_locked",
      `Cannot use ${dataDir} as another process${owner ? ` (pid ${owner})` : ""} is using it: ` +
        `stop that process or choose another folder with DATA_DIR`,
    );
  }
  // Only for the message above; the lock itself is the kernel's.
  await file.truncate(0);
  await file.write(new TextEncoder().encode(`${Deno.pid}\n`));
  let held = true;
  return {
    dataDir,
    release() {
      if (held) file.close();
      held = false;
    },
  };
}
