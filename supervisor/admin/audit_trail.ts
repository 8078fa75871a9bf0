/**
 * The audit trail: who did what on the admin port. Entries are kept in memory for a moment and
 * written in batches, so that no call waits for the trail or fails with it. While the store is away
 * they wait, up to a bound; what is beyond it is counted as lost and stands in the log alone.
 *
 * @module
 */
import type { AuditPage, AuditRow } from "./admin_platform.ts";

/** Where entries are kept. */
export interface AuditRows {
  /** May be repeated. @throws {Unavailable} */
  writeAudit(rows: readonly AuditRow[]): Promise<void>;
  /** Newest first, those written before entry `before`. */
  readAudit(before: number | undefined, limit: number): Promise<AuditPage>;
  /** Drops entries older than a time, milliseconds since the Unix epoch. */
  dropAudit(beforeMs: number): Promise<void>;
}

export interface AuditTrailOptions {
  /** `undefined` while the store is starting. */
  readonly rows: () => AuditRows | undefined;
  /** So many entries are lost. */
  readonly onDropped: (entries: number) => void;
  /** Milliseconds since the Unix epoch. */
  readonly now: () => number;
  /** Entries that may wait to be written. @default 2000 */
  readonly waitingMax?: number;
}

const batchMax = 200;
const keptMs = 90 * 86_400_000;
const dropEveryMs = 3_600_000;

export class AuditTrail {
  readonly #waiting: AuditRow[] = [];
  #writing: Promise<void> | undefined;
  #droppedAt = -Infinity;

  constructor(readonly options: AuditTrailOptions) {}

  /** How many entries wait to be written. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** Takes an entry; returns at once, throws never. */
  record(row: AuditRow): void {
    if (this.#waiting.length < (this.options.waitingMax ?? 2000)) this.#waiting.push(row);
    else this.options.onDropped(1);
  }

  /** Writes what waits. @throws {Unavailable} it goes on waiting */
  flush(): Promise<void> {
    // One at a time: two would write the same entries.
    return this.#writing ??= this.#write().finally(() => this.#writing = undefined);
  }

  async #write(): Promise<void> {
    const rows = this.options.rows();
    if (rows === undefined) return;
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.slice(0, batchMax);
      await rows.writeAudit(batch);
      this.#waiting.splice(0, batch.length);
    }
  }

  /** One round of the writer: what waits, and now and then what is too old. Throws never. */
  async tend(): Promise<void> {
    try {
      await this.flush();
      const now = this.options.now();
      if (now - this.#droppedAt < dropEveryMs) return;
      await this.options.rows()?.dropAudit(now - keptMs);
      this.#droppedAt = now;
    } catch {
      // The store is away; the next round tries again, and health tells of the store.
    }
  }
}
