/**
 * What `load()` asks of PostgreSQL.
 *
 * @module
 */
import type postgres from "postgres";
import type { LoadRow } from "../postgres_rows.ts";
import type { AsOf, StageName } from "../store.ts";

type Selected = PromiseLike<LoadRow[]>;

/** Parts only: what a stage without a journal has. */
export function selectParts(
  sql: postgres.Sql,
  stage: StageName,
  partition: number,
  wanted: string,
): Selected {
  return sql<LoadRow[]>`
    select s.actor_id, s.part, s."offset"::float8 as "offset", s.version::float8 as number,
      s.checksum, s.hash::text, s.body as text
    from json_to_recordset(${wanted}::text::json) as w(a text, k bigint), lateral (
      select * from snapshot s
      where s.stage = ${stage} and s.actor_id = w.a and s.partition = ${partition} offset 0) s`;
}

/**
 * The snapshot of each player, and its journal rows after it. Only days from the shard's clean time
 * on are looked into, so a player never seen costs a few index probes. `offset 0` keeps each lookup
 * a lookup, whatever the planner believes of tables that were empty when it looked.
 */
export function selectPlayers(sql: postgres.Sql, partition: number, wanted: string): Selected {
  return sql<LoadRow[]>`
    with w as materialized (
      select w.a, w.k, s."offset" as last, s.version, s.checksum, s.hash, s.body
      from json_to_recordset(${wanted}::text::json) as w(a text, k bigint) left join lateral (
        select * from snapshot s
        where s.stage = 'player' and s.actor_id = w.a and s.part = '' and s.partition = ${partition}
        offset 0) s on true
    )
    select a as actor_id, '' as part, last::float8 as "offset", version::float8 as number, checksum,
      hash::text, body as text
    from w where last is not null
    union all
    select w.a, null, e."offset"::float8, (extract(epoch from e.received_at) * 1000)::float8, null,
      null, event_json(e.row)
    from w, lateral (
      select e."offset", e.received_at, e as row from player_events e
      where e.partition = ${partition} and e.player_key = w.k and e."offset" > coalesce(w.last, -1)
        and e.received_at >= coalesce(
          (select clean_at from shard where stage = 'player' and partition = ${partition}),
          '-infinity')
        and e.studio || '/' || e.user_id = w.a
      offset 0) e`;
}

/** State at an earlier time: parts that reflect nothing later, and journal rows up to then. */
export function selectAsOf(
  sql: postgres.Sql,
  stage: StageName,
  partition: number,
  wanted: string,
  asOf: AsOf,
): Selected {
  const offset = asOf.offset ?? null;
  const receivedAt = asOf.receivedAt ?? null;
  const fromStart = asOf.fromStart ?? false;
  const first = asOf.rowsMax === undefined
    ? sql`offset 0`
    : sql`order by e."offset" limit ${asOf.rowsMax}`;
  return sql<LoadRow[]>`
    with bound as materialized (
      select coalesce(${offset}::float8::bigint, 9223372036854775807) as "offset",
        coalesce(to_timestamp(${receivedAt}::float8 / 1000), 'infinity') as received_at
    ), w as materialized (
      select w.a, w.k from json_to_recordset(${wanted}::text::json) as w(a text, k bigint)
    ), s as materialized (
      select s.* from bound, w, lateral (
        select * from snapshot s
        where s.stage = ${stage} and s.actor_id = w.a and s.partition = ${partition} offset 0) s
      where not ${fromStart}::boolean and s."offset" <= bound."offset" and not exists (
        select 1 from player_events e
        where ${stage}::text = 'player' and e.partition = ${partition} and e.player_key = w.k
          and e."offset" = s."offset" and e.received_at > bound.received_at)
    )
    select actor_id, part, "offset"::float8, version::float8 as number, checksum, hash::text,
      body as text from s
    union all
    select w.a, null, e."offset"::float8, (extract(epoch from e.received_at) * 1000)::float8, null,
      null, event_json(e.row)
    from bound, w, lateral (
      select e."offset", e.received_at, e as row from player_events e
      where ${stage}::text = 'player' and e.partition = ${partition} and e.player_key = w.k
        and e."offset" > coalesce((select s."offset" from s where s.actor_id = w.a and s.part = ''), -1)
        and e."offset" <= bound."offset" and e.received_at <= bound.received_at
        and e.studio || '/' || e.user_id = w.a
      ${first}) e`;
}
