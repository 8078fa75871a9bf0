-- The journal on TimescaleDB. Not one of the numbered migrations: it is applied once, after them, where
-- the extension can be had and the journal is still empty. A journal that has begun on native day
-- partitions stays on them; the views are the same.

create extension if not exists timescaledb;

-- A partitioned table cannot become a hypertable, and event_json() is bound to the table's row type.
create table player_events_chunked (like player_events including defaults);
drop function event_json(player_events);
drop table player_events;
alter table player_events_chunked rename to player_events;
select create_hypertable('player_events', by_range('received_at', interval '1 day'),
  create_default_indexes => false);
create index player_events_player on player_events (partition, player_key, "offset");
create index player_events_received on player_events (received_at, partition, "offset");

-- The JSON text of a PlayerEvent, as it was in the log.
create function event_json(e player_events) returns text language sql stable as $$
  select '{"studio":' || to_json(e.studio) || ',"event_id":' || to_json(e.event_id)
    || ',"event_type":' || to_json(e.event_type) || ',"user_id":' || to_json(e.user_id)
    || ',"game_id":' || to_json(e.game_id)
    || case when e.session_id is null then '' else ',"session_id":' || to_json(e.session_id) end
    || ',"timestamp":' || (extract(epoch from e."timestamp") * 1000)::bigint
    || ',"properties":' || e.properties || ',"context":' || e.context || '}'
$$;

-- Chunks are made as rows come.
create or replace function make_day_partition(day date) returns void language sql as $$ select $$;

-- Retention, as on native partitions: a day goes by this call, which remembers that it did. A policy that
-- drops chunks by their age alone would leave actors without a journal that nobody knows to be cut.
create or replace function drop_day_partition(day date) returns void language plpgsql
set lock_timeout = '300ms' as $$
declare
  low timestamptz := day::timestamp at time zone 'UTC';
  high timestamptz := (day + 1)::timestamp at time zone 'UTC';
begin
  update shard set journal_from = greatest(journal_from, high) where stage = 'player';
  perform drop_chunks('player_events', older_than => high, newer_than => low);
end $$;

-- A week old, a day is read by whole players, if at all.
alter table player_events set (timescaledb.compress,
  timescaledb.compress_segmentby = 'partition, player_key', timescaledb.compress_orderby = '"offset"');
select add_compression_policy('player_events', compress_after => interval '8 days');

-- The rollups: a continuous aggregate in place of our job.
create materialized view events_hourly_continuous
with (timescaledb.continuous, timescaledb.materialized_only = false) as
  select studio, game_id, event_type,
    (case when event_type = 'purchase' then coalesce(properties ->> 'currency', '') else '' end)
      collate "C" as currency,
    time_bucket('1 hour', received_at) as hour,
    count(*) as events,
    sum(case when event_type = 'purchase' and json_typeof(properties -> 'amount') = 'number'
      then (properties ->> 'amount')::numeric else 0 end) as revenue_minor
  from player_events where not internal group by 1, 2, 3, 4, 5
with no data;
-- As far back as a shard that was long away may bring rows.
select add_continuous_aggregate_policy('events_hourly_continuous',
  start_offset => interval '8 days', end_offset => interval '1 hour',
  schedule_interval => interval '10 minutes');
create or replace view events_hourly as
  select studio, game_id, event_type, currency, hour, events, revenue_minor
  from events_hourly_continuous;
-- Nothing to count; it tells retention what the policy has materialized for sure.
create or replace function advance_rollups(p_rows_max integer) returns bigint language sql as $$
  insert into rollup_mark (partition, received_at)
  select partition, now() - interval '1 day' from shard where stage = 'player'
  on conflict (partition) do update set received_at = excluded.received_at;
  select 0::bigint
$$;

-- For retention: the days that have a chunk.
create or replace function journal_days() returns table (day date) language sql stable as $$
  select distinct (range_start at time zone 'UTC')::date
  from timescaledb_information.chunks where hypertable_name = 'player_events' order by 1
$$;
