/**
 * What the admin API keeps in the store: the audit trail, and what has become of dead letters. It has
 * connections of its own, so that operators wait for no shard and no shard for them.
 *
 * @module
 */
import postgres from "postgres";
import { OutcomeUnknown, Unavailable } from "../../schema/errors.ts";
import { serverFault } from "../store/faults.ts";
import { SqlPool } from "../store/sql_pool.ts";
import type { AuditPage, AuditRow, LetterMark } from "./admin_platform.ts";
import type { AuditRows } from "./audit_trail.ts";
import type { LetterMarks, LetterName } from "./dlq/letter_marks.ts";

const timeoutMs = 5_000;

interface MarkRow {
  readonly partition: number;
  readonly offset: number;
  readonly discarded_at: number | null;
  readonly discarded_by: string | null;
  readonly replayed_at: number | null;
  readonly replayed_by: string | null;
  readonly replays: number;
}

const timeText = (ms: number) => new Date(ms).toISOString();

function markOf(row: MarkRow): LetterMark {
  return {
    discarded: row.discarded_at === null
      ? null
      : { at: timeText(row.discarded_at), call: row.discarded_by! },
    replayed: row.replayed_at === null
      ? null
      : { at: timeText(row.replayed_at), call: row.replayed_by!, times: row.replays },
  };
}

export class AdminStore implements AuditRows, LetterMarks {
  readonly #pool: SqlPool;

  /** @param url `postgres://` URL of a prepared database */
  constructor(url: string) {
    this.#pool = new SqlPool({ url, connections: 2, settings: {} });
  }

  close(): Promise<void> {
    return this.#pool.close();
  }

  async #run<T>(statement: (sql: postgres.Sql) => PromiseLike<T>): Promise<T> {
    try {
      return await this.#pool.run(timeoutMs, statement);
    } catch (error) {
      if (error instanceof postgres.PostgresError) throw serverFault(error);
      // Whatever is written here may be written again.
      if (!(error instanceof OutcomeUnknown)) throw error;
      throw new Unavailable("store", error.message, { cause: error });
    }
  }

  async writeAudit(rows: readonly AuditRow[]): Promise<void> {
    const text = JSON.stringify(rows);
    await this.#run((sql) =>
      sql`
      insert into audit (at, call, method, target, status, duration_ms, remote)
      select at, call, method, target, status, duration_ms, remote
      from json_to_recordset(${text}::text::json) as x(
        at timestamptz, call uuid, method text, target text, status smallint, duration_ms float8,
        remote text)
      on conflict (call) do nothing`
    );
  }

  async readAudit(before: number | undefined, limit: number): Promise<AuditPage> {
    const rows = await this.#run((sql) =>
      sql<(Omit<AuditRow, "at"> & { id: number; at: number })[]>`
      select id::float8 as id, extract(epoch from at)::float8 * 1000 as at, call::text as call, method,
        target, status, duration_ms, remote
      from audit where id < ${before ?? Number.MAX_SAFE_INTEGER} order by audit.id desc limit ${
        limit + 1
      }`
    );
    const page = rows.slice(0, limit);
    return {
      items: page.map(({ id: _, at, ...row }) => ({ at: timeText(Math.round(at)), ...row })),
      next_cursor: rows.length > limit ? String(page.at(-1)!.id) : null,
    };
  }

  async dropAudit(beforeMs: number): Promise<void> {
    await this.#run((sql) => sql`delete from audit where at < ${timeText(beforeMs)}::timestamptz`);
  }

  async marksOf(letters: readonly LetterName[]): Promise<(LetterMark | undefined)[]> {
    if (letters.length === 0) return [];
    const text = namesText(letters);
    const rows = await this.#run((sql) =>
      sql<(MarkRow & { i: number })[]>`
      select x.i, partition, "offset"::float8 as "offset",
        extract(epoch from discarded_at)::float8 * 1000 as discarded_at,
        discarded_by::text as discarded_by,
        extract(epoch from replayed_at)::float8 * 1000 as replayed_at,
        replayed_by::text as replayed_by, replays
      from json_to_recordset(${text}::text::json) as x(i integer, p smallint, o bigint, t timestamptz)
      join dead_letter_mark m on m.partition = x.p and m."offset" = x.o and m.parked_at = x.t`
    );
    const marks: (LetterMark | undefined)[] = new Array(letters.length).fill(undefined);
    for (const row of rows) marks[row.i] = markOf(row);
    return marks;
  }

  async discard(letter: LetterName, call: string): Promise<void> {
    const text = namesText([letter]);
    await this.#run((sql) =>
      sql`
      insert into dead_letter_mark as m (partition, "offset", parked_at, discarded_at, discarded_by)
      select p, o, t, now(), ${call}::uuid
      from json_to_recordset(${text}::text::json) as x(p smallint, o bigint, t timestamptz)
      on conflict (partition, "offset", parked_at) do update set
        discarded_at = excluded.discarded_at, discarded_by = excluded.discarded_by
      where m.discarded_at is null`
    );
  }

  async replayed(letters: readonly LetterName[], call: string): Promise<void> {
    const text = namesText(letters);
    await this.#run((sql) =>
      sql`
      insert into dead_letter_mark as m (
        partition, "offset", parked_at, replayed_at, replayed_by, replays)
      select p, o, t, now(), ${call}::uuid, 1
      from json_to_recordset(${text}::text::json) as x(p smallint, o bigint, t timestamptz)
      on conflict (partition, "offset", parked_at) do update set
        replayed_at = excluded.replayed_at, replayed_by = excluded.replayed_by,
        replays = m.replays + 1
      -- The same call again, after an unknown outcome, counts once.
      where m.replayed_by is distinct from excluded.replayed_by`
    );
  }

  async forget(partition: number, beforeOffset: number): Promise<void> {
    await this.#run((sql) =>
      sql`delete from dead_letter_mark where partition = ${partition} and "offset" < ${beforeOffset}`
    );
  }
}

function namesText(letters: readonly LetterName[]): string {
  return JSON.stringify(
    letters.map(({ partition, offset, parkedAt }, i) => ({
      i,
      p: partition,
      o: offset,
      t: timeText(parkedAt),
    })),
  );
}
