/**
 * Drops days of the journal that are older than they need be. A day goes only once each actor with
 * rows in it has a later snapshot, so that nobody needs them to be loaded; what is lost is replay and
 * time travel from before. One node of all does it at a time.
 *
 * @module
 */
import { DAY_MS } from "../../../schema/limits.ts";
import type { Logger } from "../../observability/logger.ts";
import type { MetricsSink } from "../../observability/metrics_sink.ts";
import { SqlPool } from "../sql_pool.ts";

export interface JournalRetentionOptions {
  /** Resolves when the store can be used. */
  readonly url: (signal: AbortSignal) => Promise<string>;
  /** Days that rows are kept at least; 0 keeps all. */
  readonly days: number;
  /** Milliseconds since the Unix epoch. */
  readonly now: () => number;
  readonly log: Logger;
  readonly sink: MetricsSink;
}

/** A day that was due and stays. */
export interface HeldDay {
  /** `2026-01-31`. */
  readonly day: string;
  readonly by: string;
}

export interface RetentionRound {
  readonly dropped: readonly string[];
  readonly held: readonly HeldDay[];
}

/** Of one day: all of its rows may have to be looked at. */
const timeoutMs = 600_000;

const readersHoldIt = "55P03";

export class JournalRetention {
  #pool: SqlPool | undefined;
  /** What was said last, so that it is not said every hour. */
  #said = "";

  constructor(readonly options: JournalRetentionOptions) {}

  /** Drops what can be dropped now. Never throws: what fails is tried in the next round. */
  async round(stop: AbortSignal): Promise<RetentionRound | undefined> {
    const { days, log, sink } = this.options;
    if (days === 0) return undefined;
    try {
      const round = await this.#drop(stop);
      sink.add("journal_days_dropped_total", round.dropped.length);
      sink.set("journal_days_held_back", round.held.length);
      this.#tell(round);
      return round;
    } catch (error) {
      if (!stop.aborted) log.warn("Could not drop old days of the journal", { error: text(error) });
      return undefined;
    }
  }

  async #drop(stop: AbortSignal): Promise<RetentionRound> {
    const { url, days, now } = this.options;
    this.#pool ??= new SqlPool({
      url: await url(stop),
      connections: 1,
      settings: { application_name: "gamemetrics-retention", statement_timeout: String(timeoutMs) },
    });
    const pool = this.#pool;
    const end = new Date(now() - days * DAY_MS).toISOString().slice(0, 10);
    const due = await pool.run(timeoutMs, (sql) =>
      sql<{ day: string }[]>`
        select day::text as day from journal_days() where day < ${end}::text::date order by 1`);
    const [dropped, held]: [string[], HeldDay[]] = [[], []];
    for (const { day } of due) {
      if (stop.aborted) break;
      const by = await this.#retire(pool, day);
      if (by === null) dropped.push(day);
      else held.push({ day, by });
    }
    return { dropped, held };
  }

  /** @returns what holds it back; `null` when it is gone */
  async #retire(pool: SqlPool, day: string): Promise<string | null> {
    try {
      const [row] = await pool.run(
        timeoutMs,
        (sql) => sql<{ by: string | null }[]>`select retire_day(${day}::text::date) as by`,
      );
      return row!.by;
    } catch (error) {
      if ((error as { code?: string }).code === readersHoldIt) return "the table is being read";
      throw error;
    }
  }

  #tell({ dropped, held }: RetentionRound): void {
    const { log, days } = this.options;
    if (dropped.length > 0) {
      log.info("Dropped old days of the journal", { keep_days: days, dropped: dropped.join(" ") });
    }
    const said = held.map(({ day, by }) => `${day}: ${by}`).join("; ");
    if (said === this.#said) return;
    this.#said = said;
    if (held.length === 0) return;
    const [first] = held;
    log.warn("Old days of the journal cannot be dropped", {
      held_back: held.length,
      first: first!.day,
      by: first!.by,
    });
  }

  async close(): Promise<void> {
    await this.#pool?.close();
    this.#pool = undefined;
  }
}

function text(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
