/**
 * Append times that never decrease, the same at every reading.
 *
 * The brokers stamp records with their own clock. That clock may step back, and the next leader's may
 * be behind; then a record is older than the one before it. A record's time is therefore the largest
 * up to and with it. What that is at the offset where a reader begins, the broker knows: its time
 * index tells the first offset of a time or later, so a look for "later than this record" that ends
 * before it means that clocks have stepped, and a search in the same index finds how far.
 *
 * One case is not covered: if the records from before a step are deleted, and records from just after
 * it have still not been read a whole retention later, they show the times their broker gave them.
 *
 * @module
 */
import type { TopicName } from "../../../../schema/topics.ts";
import type { LogRecord } from "../../log.ts";
import type { Cluster } from "../cluster.ts";

interface Floor {
  /** The offset that is read next. */
  next: number;
  /** The largest time below it. */
  timeMs: number;
}

export class AppendTimes {
  readonly #floors = new Map<string, Floor>();

  constructor(readonly cluster: Pick<Cluster, "listOffsets">) {}

  /** Sets the times of records that follow each other, the first of them having been read at `from`. */
  async settle(
    topic: TopicName,
    partition: number,
    from: number,
    next: number,
    records: readonly LogRecord[],
  ): Promise<readonly LogRecord[]> {
    const first = records[0];
    if (first === undefined) return records;
    const name = `${topic}/${partition}`;
    const known = this.#floors.get(name);
    let timeMs = known?.next === from
      ? known.timeMs
      : await this.#latestBefore(topic, partition, first.offset, first.timestamp);
    const settled = records.map((record) => {
      if (record.timestamp < timeMs) return { ...record, timestamp: timeMs };
      timeMs = record.timestamp;
      return record;
    });
    this.#floors.set(name, { next, timeMs });
    return settled;
  }

  /** The largest time of records below `offset`; `timestamp` when none is beyond it. */
  async #latestBefore(
    topic: TopicName,
    partition: number,
    offset: number,
    timestamp: number,
  ): Promise<number> {
    /** True when a record below `offset` is of that time or later. */
    const isBefore = async (at: number) => {
      const [found] = await this.cluster.listOffsets(topic, [{ partition, at }]);
      return found!.offset >= 0 && found!.offset < offset;
    };
    let low = timestamp;
    if (!await isBefore(low + 1)) return low;
    let step = 1;
    while (await isBefore(low + step)) {
      low += step;
      step *= 2;
    }
    // A record of `low` or later lies before, none of `low + step` or later.
    for (let high = low + step; high - low > 1;) {
      const middle = low + Math.floor((high - low) / 2);
      if (await isBefore(middle)) low = middle;
      else high = middle;
    }
    return low;
  }
}
