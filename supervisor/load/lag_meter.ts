/**
 * How far the commits of this node's player shards are behind the log, and how fast both move.
 *
 * @module
 */
import { limits } from "../../schema/limits.ts";

/** One measurement; see the gateway's shedder, whose reading has the same shape. */
export interface Lag {
  readonly id: number;
  readonly lagEvents: number;
  /** 0 once nothing has been committed for {@link stalledMs}, whatever was before. */
  readonly committedPerSecond: number;
  readonly appendedPerSecond: number;
  readonly logShare: number;
}

/** A shard's partition: what is committed and what the log has. */
export interface LagRow {
  readonly partition: number;
  readonly nextOffset: number;
  readonly endOffset: number;
}

interface Sample {
  readonly at: number;
  readonly rows: ReadonlyMap<number, LagRow>;
}

/** Shards that have work and commit nothing for so long have lost their store. */
export const stalledMs = 2_000;

export class LagMeter {
  #samples: Sample[] = [];
  #last: Lag | undefined;
  #movedAt = -Infinity;

  get last(): Lag | undefined {
    return this.#last;
  }

  /** @param now milliseconds, monotonic. @param logShare of the log's bound, 0 to 1 */
  sample(now: number, rows: readonly LagRow[], logShare: number): Lag {
    const byPartition = new Map(rows.map((row) => [row.partition, row]));
    const previous = this.#samples.at(-1)?.rows;
    const hasMoved = rows.some(({ partition, nextOffset }) =>
      nextOffset > (previous?.get(partition)?.nextOffset ?? nextOffset)
    );
    if (hasMoved || previous === undefined) this.#movedAt = now;
    this.#samples.push({ at: now, rows: byPartition });
    while (this.#samples.length > 2 && now - this.#samples[1]!.at >= limits.lagSpanMs) {
      this.#samples.shift();
    }
    const first = this.#samples[0]!;
    let committed = 0;
    let appended = 0;
    let lagEvents = 0;
    for (const row of rows) {
      lagEvents += Math.max(0, row.endOffset - row.nextOffset);
      const before = first.rows.get(row.partition);
      // A shard that came just now has moved by nothing yet.
      if (before === undefined) continue;
      committed += Math.max(0, row.nextOffset - before.nextOffset);
      appended += Math.max(0, row.endOffset - before.endOffset);
    }
    const seconds = Math.max(0.001, (now - first.at) / 1000);
    this.#last = {
      id: (this.#last?.id ?? 0) + 1,
      lagEvents,
      committedPerSecond: now - this.#movedAt < stalledMs ? committed / seconds : 0,
      appendedPerSecond: appended / seconds,
      logShare,
    };
    return this.#last;
  }
}
