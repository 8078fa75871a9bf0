-- Drops one UTC day of arrival of the journal, if each actor with rows in it has a later snapshot and the
-- rollups have counted them. Null: it was dropped, or was gone; else what holds it back. One session at a time; 55P03: others hold the
-- table for longer than it is polite to wait.
create function retire_day(day date) returns text language plpgsql as $$
declare
  low timestamptz := day::timestamp at time zone 'UTC';
  high timestamptz := (day + 1)::timestamp at time zone 'UTC';
  s record;
  behind text;
begin
  if not pg_try_advisory_xact_lock(72, 0) then
    return 'another node is at it';
  end if;
  for s in
    select partition, greatest(clean_at, low) as since from shard
    where stage = 'player' and (clean_at is null or clean_at < high) order by partition
  loop
    -- What arrived before the shard's clean time is covered by promise, the rest is looked at.
    select e.studio || '/' || e.user_id into behind from player_events e
    where e.partition = s.partition and e.received_at >= coalesce(s.since, low)
      and e.received_at < high and e."offset" > coalesce((
        select n."offset" from snapshot n
        where n.stage = 'player' and n.partition = s.partition
          and n.actor_id = e.studio || '/' || e.user_id and n.part = ''), -1)
    limit 1;
    if found then
      return format('shard player/%s has no later snapshot of %s', s.partition, behind);
    end if;
  end loop;
  for s in
    select partition, coalesce(m.next_offset, 0) as counted
    from shard left join rollup_mark m using (partition)
    where stage = 'player' and (m.received_at is null or m.received_at < high) order by partition
  loop
    perform 1 from player_events e
    where e.partition = s.partition and e.received_at >= low and e.received_at < high
      and e."offset" >= s.counted
    limit 1;
    if found then
      return format('the rollups have not counted shard player/%s yet', s.partition);
    end if;
  end loop;
  perform drop_day_partition(day);
  return null;
end $$;

-- The days that the journal has a partition for, oldest first.
create function journal_days() returns table (day date) language sql stable as $$
  select to_date(right(c.relname, 8), 'YYYYMMDD')
  from pg_inherits i join pg_class c on c.oid = i.inhrelid
  where i.inhparent = 'player_events'::regclass and c.relname ~ '^player_events_[0-9]{8}$'
  order by 1
$$;

-- A node whose user may not change the schema drops its days all the same.
do $$ begin
  execute format(
    'alter function retire_day(date) security definer set search_path = %I, pg_temp',
    current_schema());
end $$;
