/**
 * Nothing lost, nothing twice, nothing out of order: the acknowledged ids against the journal.
 *
 * @module
 */
import type { AckHeader, AckLine } from "../load/client/ack_file.ts";
import type postgres from "postgres";
import { type Check, examplesMax, noneOf, type Offenders } from "./check.ts";
import type { Sql } from "./recompute_sql.ts";

const idsPerInsert = 20_000;

/** What an ack file says. */
export interface AckSummary {
  readonly header: AckHeader;
  /** Distinct acknowledged ids. */
  readonly acknowledged: number;
  /** Ids whose outcome is unknown: they may be there or not. */
  readonly unknown: number;
}

/** Reads an ack file into the temporary tables `verify_acked` and `verify_unknown`. */
export async function loadAcks(sql: Sql, path: string): Promise<AckSummary> {
  await sql`drop table if exists verify_acked, verify_unknown`;
  await sql`create temp table verify_acked (event_id text collate "C")`;
  await sql`create temp table verify_unknown (event_id text collate "C")`;
  let header: AckHeader | undefined;
  let acked: string[] = [];
  let unknown: string[] = [];
  const flush = async () => {
    await sql`insert into verify_acked select unnest(${acked}::text[])`;
    await sql`insert into verify_unknown select unnest(${unknown}::text[])`;
    acked = [];
    unknown = [];
  };
  for await (const line of linesOf(path)) {
    if (header === undefined) {
      header = JSON.parse(line) as AckHeader;
      continue;
    }
    const { ids = [], unknown: lost = [] } = JSON.parse(line) as AckLine;
    acked.push(...ids);
    unknown.push(...lost);
    if (acked.length + unknown.length >= idsPerInsert) await flush();
  }
  if (header === undefined) throw new RangeError(`Cannot verify as the ack file ${path} is empty`);
  await flush();
  // A repeated event is acknowledged each time; what counts is the id.
  await sql`
    create temp table verify_acked_once as select distinct event_id from verify_acked`;
  await sql`drop table verify_acked`;
  await sql`alter table verify_acked_once rename to verify_acked`;
  await sql`analyze verify_acked`;
  const [counts] = await sql<{ acknowledged: number; unknown: number }[]>`
    select (select count(*) from verify_acked)::float8 as acknowledged,
      (select count(distinct event_id) from verify_unknown)::float8 as unknown`;
  return { header, ...counts! };
}

async function* linesOf(path: string): AsyncIterable<string> {
  using file = await Deno.open(path);
  let rest = "";
  for await (const text of file.readable.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split("\n");
    rest = lines.pop()!;
    yield* lines;
  }
  // A line without its end was being written when its writer died: it promises nothing.
}

/** Acknowledged ids that the journal does not hold; 0 when the platform has caught up. */
export async function countMissing(sql: Sql, studio: string): Promise<number> {
  const [row] = await sql<{ n: number }[]>`
    select count(*)::float8 as n from verify_acked a where not exists (
      select from player_events e
      where not internal and studio = ${studio} and e.event_id = a.event_id)`;
  return row!.n;
}

/** Compares the loaded acks with the journal. Ids of other runs are left alone. */
export async function checkAcks(sql: Sql, studio: string, acks: AckSummary): Promise<Check[]> {
  await sql`drop table if exists verify_stored`;
  // By the run's prefix, so that other traffic of the studio does not matter.
  await sql`
    create temp table verify_stored as
    select partition, "offset", user_id, event_id from player_events
    where not internal and studio = ${studio} and starts_with(event_id, ${acks.header.id_prefix})`;
  await sql`analyze verify_stored`;
  const { acknowledged, unknown } = acks;
  const missing = await offendersIn(
    sql,
    sql`select event_id as example from verify_acked a
      where not exists (select from verify_stored s where s.event_id = a.event_id)`,
  );
  const unasked = await offendersIn(
    sql,
    sql`select event_id as example from verify_stored s
      where not exists (select from verify_acked a where a.event_id = s.event_id)
        and not exists (select from verify_unknown u where u.event_id = s.event_id)`,
  );
  // Ids rise within a connection, and a player keeps to one: so his must rise by offset.
  const disordered = await offendersIn(
    sql,
    sql`select user_id || ' ' || event_id as example from (
        select user_id, event_id,
          lag(event_id) over (partition by user_id order by partition, "offset") as before
        from verify_stored
      ) s where before > event_id`,
  );
  const of = `${acknowledged} acknowledged`;
  return [
    noneOf("every acknowledged event is in SQL", missing, of),
    noneOf("nothing else is in SQL", unasked, `all but ${unknown} of unknown outcome`),
    noneOf("each player's events are in order", disordered, of),
  ];
}

/** No id may be in the journal twice for one player, whoever sent it. */
export async function checkNoRepeats(sql: Sql, studio: string): Promise<Check> {
  const [total] = await sql<{ n: number }[]>`
    select count(*)::float8 as n from player_events where not internal and studio = ${studio}`;
  const repeated = await offendersIn(
    sql,
    sql`select user_id || ' ' || event_id || ': ' || count(*) || ' times' as example
      from player_events where not internal and studio = ${studio}
      group by user_id, event_id having count(*) > 1`,
  );
  return noneOf("no event is in SQL twice", repeated, `${total!.n} in SQL`);
}

/** How many rows `query` has, and the first few; its column is `example`. */
async function offendersIn(sql: Sql, query: postgres.Fragment): Promise<Offenders> {
  const rows = await sql<{ n: number; example: string }[]>`
    select (count(*) over ())::float8 as n, example from (${query}) q limit ${examplesMax}`;
  return { count: rows[0]?.n ?? 0, examples: rows.map((row) => row.example) };
}
