-- A call groups the rows as it walks along them, and keeps the groups rather than the rows; the hour comes
-- by division and not by a time zone's name. Half the time a row; what it does stays as it was.

create or replace function advance_rollups(p_rows_max integer) returns bigint language plpgsql as $$
declare
  mark record;
  looked bigint;
  total bigint := 0;
begin
  if not pg_try_advisory_xact_lock(7061984) then
    return 0;
  end if;
  insert into rollup_mark (partition)
  select s.partition from shard s
  where s.stage = 'player' and s.next_offset > 0
    and not exists (select 1 from rollup_mark m where m.partition = s.partition);
  for mark in
    select m.*, s.next_offset as shard_offset from rollup_mark m
    join shard s on s.stage = 'player' and s.partition = m.partition
    where s.next_offset > m.seen_offset order by m.partition
  loop
    with fresh as (
      select e.studio, e.game_id, e.event_type, e.internal, e.received_at, e."offset",
        date_bin('1 hour', e.received_at, timestamptz '2000-01-01 00:00:00Z') as hour,
        case when e.event_type = 'purchase' then e.properties end as purchase
      from player_events e
      where e.partition = mark.partition and e.received_at >= mark.received_at
        and e."offset" >= mark.next_offset
      -- The order of the offsets, too; and that of the index, which ends the walk at the limit.
      order by e.received_at, e.partition, e."offset" limit p_rows_max
    ), grouped as materialized (
      select studio, game_id, event_type, internal, hour,
        case when purchase is null then '' else coalesce(purchase ->> 'currency', '') end as currency,
        count(*) as events, max("offset") as last_offset, max(received_at) as last_received_at,
        coalesce(sum((purchase ->> 'amount')::numeric)
          filter (where json_typeof(purchase -> 'amount') = 'number'), 0) as revenue_minor
      from fresh group by studio, game_id, event_type, internal, hour, currency
    ), counted as (
      insert into rollup_hourly as r
        (studio, game_id, event_type, currency, hour, events, revenue_minor)
      select studio, game_id, event_type, currency, hour, events, revenue_minor
      from grouped where not internal
      on conflict (studio, game_id, hour, event_type, currency) do update set
        events = r.events + excluded.events, revenue_minor = r.revenue_minor + excluded.revenue_minor
    ), last as (
      select coalesce(sum(events), 0)::bigint as rows, max(last_offset) + 1 as next_offset,
        max(last_received_at) as received_at
      from grouped
    ), moved as (
      update rollup_mark m set
        next_offset = coalesce(last.next_offset, m.next_offset),
        received_at = coalesce(last.received_at, m.received_at),
        -- Read before the rows: whatever came since is seen next time.
        seen_offset = case when last.rows < p_rows_max then mark.shard_offset else m.seen_offset end
      from last where m.partition = mark.partition
    )
    select rows into looked from last;
    total := total + looked;
  end loop;
  return total;
end $$;
