/**
 * Who waits for records of one partition, and what was fetched beyond what they took.
 *
 * @module
 */
import { OffsetMissing } from "../../../../schema/errors.ts";
import type { TopicName } from "../../../../schema/topics.ts";
import type { LogRecord } from "../../log.ts";
import { sizeOf } from "../../record_text.ts";

interface Waiting {
  /** Where to read; moves on over what is no record of ours. */
  offset: number;
  readonly maxBytes: number;
  readonly settle: (records: readonly LogRecord[] | Error) => void;
}

/** Records that follow each other, for offsets from `from` to below `next`. */
export interface Fetched {
  readonly from: number;
  readonly next: number;
  readonly records: readonly LogRecord[];
}

const nothing: Fetched = { from: 0, next: 0, records: [] };

export class PartitionReader {
  readonly #waiting = new Set<Waiting>();
  #ahead: Fetched = nothing;
  /** When somebody last asked, by `performance.now()`. */
  askedAt = 0;
  /** Since when brokers say that they do not lead it, by `performance.now()`. */
  staleSince: number | undefined;

  constructor(readonly topic: TopicName, readonly partition: number) {}

  get isWaiting(): boolean {
    return this.#waiting.size > 0;
  }

  /** True when not all wait for the same offset: a request can hold one. */
  get isSplit(): boolean {
    const [first, ...others] = this.#waiting;
    return others.some(({ offset }) => offset !== first!.offset);
  }

  /** Records at hand from `offset` on; `undefined` when they must be fetched. */
  take(offset: number, maxBytes: number): LogRecord[] | undefined {
    const { from, next, records } = this.#ahead;
    if (offset < from || offset >= next) return undefined;
    const taken = slice(records, offset, maxBytes);
    if (taken.length === 0) return undefined;
    const last = taken.at(-1)!;
    // What is read through is of no more use; a reader that comes again fetches it again.
    if (last.offset === records.at(-1)!.offset) this.#ahead = nothing;
    return taken;
  }

  wait(
    offset: number,
    maxBytes: number,
    signal: AbortSignal,
  ): Promise<readonly LogRecord[]> {
    return new Promise((resolve, reject) => {
      const waiting: Waiting = {
        offset,
        maxBytes,
        settle: (outcome) => {
          signal.removeEventListener("abort", onAbort);
          this.#waiting.delete(waiting);
          if (outcome instanceof Error) reject(outcome);
          else resolve(outcome);
        },
      };
      const onAbort = () => waiting.settle([]);
      signal.addEventListener("abort", onAbort);
      this.#waiting.add(waiting);
    });
  }

  /** The offset to fetch next; those who wait elsewhere have their turn after. */
  nextOffset(): number {
    const [first] = this.#waiting;
    if (this.#waiting.size > 1) {
      this.#waiting.delete(first!);
      this.#waiting.add(first!);
    }
    return first!.offset;
  }

  /** Hands records to all who wait for some of them, and keeps what is left. */
  deliver(fetched: Fetched): void {
    const { from, next, records } = fetched;
    const last = records.at(-1)?.offset ?? -1;
    let takenTo = from;
    for (const waiting of [...this.#waiting]) {
      const { offset } = waiting;
      if (offset < from || offset >= next) continue;
      if (offset > last) {
        waiting.offset = next;
        continue;
      }
      const taken = slice(records, offset, waiting.maxBytes);
      takenTo = Math.max(takenTo, taken.at(-1)!.offset + 1);
      waiting.settle(taken);
    }
    this.#ahead = takenTo > from && takenTo <= last ? fetched : nothing;
  }

  /** Tells those who wait for `offset`, or all, that it cannot be had. */
  fail(error: Error, offset?: number): void {
    for (const waiting of [...this.#waiting]) {
      if (offset === undefined || waiting.offset === offset) waiting.settle(error);
    }
  }

  /** @see {@link OffsetMissing} */
  missing(offset: number, start: number, end: number): OffsetMissing {
    return new OffsetMissing(this.topic, this.partition, offset, `${start} to ${end}`);
  }
}

/** Records from `offset` on, up to `maxBytes`, at least one if there is one. */
function slice(records: readonly LogRecord[], offset: number, maxBytes: number): LogRecord[] {
  let low = 0;
  for (let high = records.length; low < high;) {
    const middle = (low + high) >>> 1;
    if (records[middle]!.offset < offset) low = middle + 1;
    else high = middle;
  }
  let end = low;
  for (let bytes = 0; end < records.length; end++) {
    bytes += sizeOf(records[end]!);
    if (bytes > maxBytes && end > low) break;
  }
  return records.slice(low, end);
}
