-- What retention has dropped of the journal, so that nobody takes what is left for the whole.

alter table shard
  -- Rows that arrived before this were dropped. Null: none were.
  add column journal_from timestamptz;

-- Drops the rows of one UTC day of arrival, and remembers that it did, with every shard of players. Its
-- caller has made sure that each actor with rows in it has a later snapshot.
create function drop_day_partition(day date) returns void language plpgsql
set lock_timeout = '300ms' as $$
declare
  part text := 'player_events_' || to_char(day, 'YYYYMMDD');
  high timestamptz := (day + 1)::timestamp at time zone 'UTC';
begin
  if to_regclass(part) is null then
    return;
  end if;
  update shard set journal_from = greatest(journal_from, high) where stage = 'player';
  execute format('drop table %I', part);
end $$;
