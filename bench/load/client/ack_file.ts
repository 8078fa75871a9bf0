/**
 * What the platform has acknowledged, on disk: the only witness the verifier trusts.
 * One JSON line a batch, `{"c":connection,"b":batch,"ids":[…]}`; batches whose outcome stayed
 * unknown have `"unknown"` instead of `"ids"`. The first line names the run.
 *
 * @module
 */

/** The first line of an ack file. */
export interface AckHeader {
  readonly seed: number;
  /** Every event id of the run starts with it. */
  readonly id_prefix: string;
}

/** One line after the header. */
export interface AckLine {
  /** Connection and batch, counted from 0. */
  readonly c: number;
  readonly b: number;
  readonly ids?: readonly string[];
  readonly unknown?: readonly string[];
}

/** Appends lines; `append` resolves when the line is on disk. */
export class AckFile {
  readonly #file: Deno.FsFile;
  readonly #sync: boolean;
  #waiting: string[] = [];
  #written: Promise<void> = Promise.resolve();
  #scheduled: Promise<void> | undefined;

  /**
   * Replaces the file at `path`.
   *
   * @param sync whether each line must survive a power cut. @default true
   */
  constructor(path: string, header: AckHeader, sync = true) {
    this.#file = Deno.openSync(path, { write: true, create: true, truncate: true });
    this.#sync = sync;
    writeAllSync(this.#file, `${JSON.stringify(header)}\n`);
  }

  /** Lines that come while the disk is busy share the next sync. */
  append(line: AckLine): Promise<void> {
    this.#waiting.push(JSON.stringify(line));
    if (this.#scheduled === undefined) {
      this.#scheduled = this.#written.then(() => this.#write());
      this.#written = this.#scheduled;
    }
    return this.#scheduled;
  }

  async close(): Promise<void> {
    await this.#written;
    this.#file.close();
  }

  async #write(): Promise<void> {
    const text = `${this.#waiting.join("\n")}\n`;
    this.#waiting = [];
    this.#scheduled = undefined;
    writeAllSync(this.#file, text);
    if (this.#sync) await this.#file.syncData();
  }
}

/** Into the page cache: too short to be worth a thread. */
function writeAllSync(file: Deno.FsFile, text: string): void {
  const bytes = new TextEncoder().encode(text);
  for (let done = 0; done < bytes.length;) done += file.writeSync(bytes.subarray(done));
}
