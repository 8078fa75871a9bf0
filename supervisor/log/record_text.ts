/**
 * A batch of records as text: lines `key\tvalue\n`. Values may hold tabs, since only the first tab
 * of a line separates. A record of a sampled trace has its `traceparent` before the value, as
 * `key\t\x01traceparent` + `value\n`: no JSON text begins with that character, so that what was
 * written without traces reads as it always did.
 *
 * @module
 */
import { InvalidInput } from "../../schema/errors.ts";
import { unboxed } from "../../schema/memory/unboxed.ts";
import { isTraceparent, traceparentChars } from "../observability/traceparent.ts";
import type { LogRecord, NewRecord } from "./log.ts";

/** What tells a trace from a value: JSON text cannot begin with it. */
const traceMark = 1;

/**
 * Refuses what would not come back as it went in.
 *
 * @throws {InvalidInput} `ill_formed_text`: a line feed or a lone surrogate, a tab in the key, a
 *   value that begins with U+0001, or a trace that is no `traceparent`
 */
export function assertRecord({ key, value, trace }: NewRecord): void {
  if (key.includes("\n") || key.includes("\t") || !key.isWellFormed()) {
    throw new InvalidInput(
      "ill_formed_text",
      `Cannot append a record as its key holds a tab, a line feed or a lone surrogate: ${
        JSON.stringify(key.slice(0, 200))
      }`,
    );
  }
  if (value.includes("\n") || value.charCodeAt(0) === traceMark || !value.isWellFormed()) {
    throw new InvalidInput(
      "ill_formed_text",
      `Cannot append a record as its value holds a line feed or a lone surrogate, or is no JSON: ${
        JSON.stringify(value.slice(0, 200))
      }`,
    );
  }
  if (trace !== undefined && !isTraceparent(trace)) {
    throw new InvalidInput(
      "ill_formed_text",
      `Cannot append a record as its trace is no traceparent: ${JSON.stringify(trace)}`,
    );
  }
}

/** The record's line, with its line feed. */
export function lineOf(record: NewRecord): string {
  if (record.trace !== undefined) {
    return record.key + "\t\x01" + record.trace + record.value + "\n";
  }
  return record.key + "\t" + record.value + "\n";
}

/** What a record counts for against a byte limit: exact for ASCII. */
export function sizeOf(record: Pick<NewRecord, "key" | "value" | "trace">): number {
  const bytes = record.key.length + record.value.length + 2;
  return record.trace === undefined ? bytes : bytes + traceparentChars + 1;
}

// A BOM at the start belongs to the first key.
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Reads a batch from its text, forwards, as far as each fetch wants it. */
export class BatchCursor {
  readonly #text: string;
  #position = 0;
  /** Offset of the record that comes next; kept by every actor that the record touches. */
  offset: number;

  /** @throws {TypeError} `body` is not UTF-8 */
  constructor(
    body: Uint8Array,
    offset: number,
    /** The offset after the batch's last record. */
    readonly end: number,
    readonly timestamp: number,
  ) {
    this.#text = decoder.decode(body);
    this.offset = unboxed(offset);
  }

  /**
   * Passes over the records below `offset`.
   *
   * @throws {RangeError} the text ends before
   */
  skipTo(offset: number): void {
    for (; this.offset < offset; this.offset++) this.#position = this.#lineEnd() + 1;
  }

  /**
   * Moves records into `found` until it holds `bytesMax` by {@link sizeOf}, at least one in all.
   *
   * @param bytes what `found` holds already
   * @returns what `found` holds now; more than `bytesMax` when the next record did not fit
   * @throws {RangeError} the text has fewer records than the batch promised
   */
  take(found: LogRecord[], bytes: number, bytesMax: number): number {
    const text = this.#text;
    while (this.offset < this.end) {
      const end = this.#lineEnd();
      bytes += end + 1 - this.#position;
      if (bytes > bytesMax && found.length > 0) return bytes;
      const tab = text.indexOf("\t", this.#position);
      if (tab < 0 || tab > end) throw new RangeError("a line has no tab");
      const key = unpinned(text.slice(this.#position, tab));
      const { offset, timestamp } = this;
      if (text.charCodeAt(tab + 1) === traceMark) {
        const value = tab + 2 + traceparentChars;
        if (value > end) throw new RangeError("a line's trace is cut");
        const trace = unpinned(text.slice(tab + 2, value));
        found.push({ offset, timestamp, key, value: text.slice(value, end), trace });
      } else {
        found.push({ offset, timestamp, key, value: text.slice(tab + 1, end) });
      }
      this.#position = end + 1;
      this.offset++;
    }
    if (this.#position !== text.length) {
      throw new RangeError("the text has more lines than records");
    }
    return bytes;
  }

  #lineEnd(): number {
    const end = this.#text.indexOf("\n", this.#position);
    if (end < 0) throw new RangeError("the text has fewer lines than records");
    return end;
  }
}

/**
 * A copy of a slice that does not keep the batch's text alive. V8 slices of 13 characters and more
 * point into their parent, and keys become actor ids that live for days.
 */
function unpinned(slice: string): string {
  return slice.length < 13 ? slice : (" " + slice).slice(1);
}
