-- Rollups: what came in by the hour of its arrival, kept beside the journal by a job, so that commits pay
-- nothing for it. Queries read the views; whether a table of ours or TimescaleDB is behind them they
-- need not know (see timescale.sql).

create table rollup_hourly (
  studio text collate "C" not null,
  game_id text collate "C" not null,
  event_type text collate "C" not null,
  -- Of purchases; '' of everything else.
  currency text collate "C" not null,
  -- Begin of the hour of arrival, UTC.
  hour timestamptz not null,
  events bigint not null,
  -- Minor units.
  revenue_minor numeric not null,
  primary key (studio, game_id, hour, event_type, currency)
) with (fillfactor = 70);

-- How far the rollups are, a row a shard of players. A shard's rows become visible in the order of their
-- offsets, and arrival never decreases with them: so one position says which rows were counted.
create table rollup_mark (
  partition smallint primary key,
  -- Rows below this offset are counted.
  next_offset bigint not null default 0,
  -- Arrival of the last of them; nothing that is to be counted arrived before.
  received_at timestamptz not null default '-infinity',
  -- The shard's next_offset when nothing was left to count; while it stands there is nothing to do.
  seen_offset bigint not null default 0
) with (fillfactor = 50);

-- Counts up to p_rows_max rows of each shard, and moves the marks, in one transaction: each row counts
-- once, whenever this is killed. Another call that is under way leaves it nothing to do.
-- Returns how many rows it has looked at.
create function advance_rollups(p_rows_max integer) returns bigint language plpgsql as $$
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
    with fresh as materialized (
      select e.studio, e.game_id, e.event_type, e.internal, e.received_at, e."offset",
        case when e.event_type = 'purchase' then coalesce(e.properties ->> 'currency', '') else '' end
          as currency,
        case when e.event_type = 'purchase' and json_typeof(e.properties -> 'amount') = 'number'
          then (e.properties ->> 'amount')::numeric else 0 end as amount
      from player_events e
      where e.partition = mark.partition and e.received_at >= mark.received_at
        and e."offset" >= mark.next_offset
      -- The order of the offsets, too; and that of the index, which ends the walk at the limit.
      order by e.received_at, e.partition, e."offset" limit p_rows_max
    ), counted as (
      insert into rollup_hourly as r
        (studio, game_id, event_type, currency, hour, events, revenue_minor)
      select studio, game_id, event_type, currency, date_trunc('hour', received_at, 'UTC'),
        count(*), sum(amount)
      from fresh where not internal group by 1, 2, 3, 4, 5
      on conflict (studio, game_id, hour, event_type, currency) do update set
        events = r.events + excluded.events, revenue_minor = r.revenue_minor + excluded.revenue_minor
    ), last as (
      select count(*) as rows, max("offset") + 1 as next_offset, max(received_at) as received_at
      from fresh
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

-- Events by hour and by day of arrival, UTC.
create view events_hourly as
  select studio, game_id, event_type, currency, hour, events, revenue_minor from rollup_hourly;
create view events_daily as
  select studio, game_id, event_type, currency, (hour at time zone 'UTC')::date as day,
    sum(events)::bigint as events, sum(revenue_minor) as revenue_minor
  from events_hourly group by 1, 2, 3, 4, 5;

-- A node whose user may not change the schema makes its days all the same.
do $$ begin
  execute format(
    'alter function make_day_partition(date) security definer set search_path = %I, pg_temp',
    current_schema());
end $$;
