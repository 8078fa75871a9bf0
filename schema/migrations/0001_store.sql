-- The store: who owns a shard and how far it is, the journal, snapshots, outbox and timers.
-- Everything a batch changes is written by commit_batch(), in one transaction.

-- The partition counts a deployment began with. A key's home depends on them, so they never change.
create table deployment (
  topic text primary key,
  partitions integer not null check (partitions > 0)
);

-- One row a shard. Its row lock is what orders owners: whoever updates it first wins.
-- fillfactor leaves room for HOT updates, as every commit rewrites its row.
create table shard (
  stage text not null,
  partition smallint not null,
  epoch bigint not null default 0,
  owner text,
  wanted_by text,
  expires timestamptz,
  next_offset bigint not null default 0,
  emitted_offset bigint not null default 0,
  -- `stage/partition` of a source -> [end offset, index] of its last applied record.
  sources jsonb not null default '{}',
  -- Every journal row received before this is reflected in its actor's snapshot; loading an actor
  -- looks at no older rows. Null: look at all.
  clean_at timestamptz,
  primary key (stage, partition)
) with (fillfactor = 20);

-- The journal of the players, and the table that analytics read.
-- properties and context are json, not jsonb: half again as fast to insert, and what a replay reads
-- is the text that was written, key order included.
create table player_events (
  partition smallint not null,
  "offset" bigint not null,
  received_at timestamptz not null,
  player_key bigint not null,
  studio text collate "C" not null,
  user_id text collate "C" not null,
  game_id text collate "C" not null,
  event_id text collate "C" not null,
  event_type text collate "C" not null,
  session_id text collate "C",
  "timestamp" timestamptz not null,
  properties json not null,
  context json not null,
  -- Written by the platform itself: its type starts with `$`.
  internal boolean not null
) partition by range (received_at);

-- One player's rows, for loading it. The partition leads, so that a shard's inserts stay within its
-- own part of the index, and so that it can walk through its own players.
create index player_events_player on player_events (partition, player_key, "offset");
-- Newest first, for reading pages. A btree, as BRIN cannot order and leaves its newest, unsummarised
-- pages to be scanned; arrival grows, so inserts stay on the rightmost leaf (within 5 % of BRIN).
create index player_events_received on player_events (received_at, partition, "offset");

-- Rows of a day that has no partition yet. make_day_partition() moves them out.
create table player_events_default partition of player_events default;

-- Makes the partition of one UTC day of arrival, if it is not there. Inserts into other days go on
-- meanwhile: only the default partition is locked. It gives up (55P03) rather than make readers
-- queue behind it; until it succeeds the day's rows go to the default partition.
create function make_day_partition(day date) returns void language plpgsql
set lock_timeout = '300ms' as $$
declare
  part text := 'player_events_' || to_char(day, 'YYYYMMDD');
  low timestamptz := day::timestamp at time zone 'UTC';
  high timestamptz := (day + 1)::timestamp at time zone 'UTC';
begin
  if to_regclass(part) is not null then
    return;
  end if;
  lock table player_events_default in access exclusive mode;
  -- Somebody else may have made it while we waited.
  if to_regclass(part) is not null then
    return;
  end if;
  -- Vacuum only when a day has doubled: rows are never updated, so it has nothing to free.
  execute format(
    'create table %I (like player_events including defaults) with
      (autovacuum_vacuum_insert_scale_factor = 1, autovacuum_vacuum_insert_threshold = 1000000)',
    part);
  execute format(
    'with moved as (
      delete from player_events_default where received_at >= %L and received_at < %L returning *
    ) insert into %I select * from moved', low, high, part);
  execute format(
    'alter table player_events attach partition %I for values from (%L) to (%L)', part, low, high);
end $$;

-- Makes the partitions of `first` to `last`, both inclusive.
create function make_day_partitions(first date, last date) returns void language plpgsql as $$
begin
  for i in 0 .. last - first loop
    perform make_day_partition(first + i);
  end loop;
end $$;

-- The JSON text of a PlayerEvent, as it was in the log.
create function event_json(e player_events) returns text language sql stable as $$
  select '{"studio":' || to_json(e.studio) || ',"event_id":' || to_json(e.event_id)
    || ',"event_type":' || to_json(e.event_type) || ',"user_id":' || to_json(e.user_id)
    || ',"game_id":' || to_json(e.game_id)
    || case when e.session_id is null then '' else ',"session_id":' || to_json(e.session_id) end
    || ',"timestamp":' || (extract(epoch from e."timestamp") * 1000)::bigint
    || ',"properties":' || e.properties || ',"context":' || e.context || '}'
$$;

-- Actor state, in parts: a player has one, a game one for its totals and one a day and leaderboard.
create table snapshot (
  stage text collate "C" not null,
  partition smallint not null,
  actor_id text collate "C" not null,
  part text collate "C" not null,
  -- The offset of the last message that the part reflects.
  "offset" bigint not null,
  -- The behaviour's version that wrote it.
  version integer not null,
  checksum text not null,
  body text not null,
  updated_at timestamptz not null default now(),
  primary key (stage, actor_id, part)
) with (fillfactor = 80);

-- A promise kept: without its snapshot an actor needs its old rows again, whoever deleted it.
create function forget_clean_at() returns trigger language plpgsql as $$
begin
  if tg_op = 'TRUNCATE' then
    update shard set clean_at = null where clean_at is not null;
  else
    update shard s set clean_at = null where clean_at is not null and exists (
      select 1 from deleted d where d.stage = s.stage and d.partition = s.partition);
  end if;
  return null;
end $$;
create trigger snapshot_deleted after delete on snapshot
  referencing old table as deleted for each statement execute function forget_clean_at();
create trigger snapshot_truncated after truncate on snapshot
  for each statement execute function forget_clean_at();

-- What commits publish and nobody is known to have received yet; one row a commit.
create table outbox (
  stage text collate "C" not null,
  partition smallint not null,
  end_offset bigint not null,
  -- JSON array of {topic, partition, key, value}; never looked into by SQL.
  records text not null,
  primary key (stage, partition, end_offset)
) with (autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_scale_factor = 0);

create table timer (
  stage text collate "C" not null,
  partition smallint not null,
  actor_id text collate "C" not null,
  name text collate "C" not null,
  due_at timestamptz not null,
  primary key (stage, actor_id, name)
);
create index timer_due on timer (stage, partition, due_at);

-- Takes a shard: waits on its row lock for a commit in flight, then fences every earlier owner.
-- The outbox is read by a second statement on purpose: its snapshot is younger than the wait.
-- With p_held_epoch only if nobody but the same owner has taken it since.
create function take_shard(
  p_stage text, p_partition integer, p_owner text, p_held_epoch bigint)
returns table (epoch float8, next_offset float8, emitted_offset float8, sources text, outbox text)
language plpgsql as $$
#variable_conflict use_column
begin
  insert into shard as s (stage, partition, epoch, owner) values (p_stage, p_partition, 1, p_owner)
  on conflict (stage, partition) do update
    set epoch = s.epoch + 1, owner = p_owner, wanted_by = null, expires = null
    where p_held_epoch is null or s.epoch = p_held_epoch or s.owner = p_owner;
  if not found then
    raise exception 'shard %/% was taken by another owner since epoch %',
      p_stage, p_partition, p_held_epoch using errcode = 'ZF001';
  end if;
  return query
    select s.epoch::float8, s.next_offset::float8, s.emitted_offset::float8, s.sources::text, (
      select json_agg(json_build_array(o.end_offset, o.records) order by o.end_offset)::text
      from outbox o
      where o.stage = p_stage and o.partition = p_partition and o.end_offset > s.emitted_offset)
    from shard s where s.stage = p_stage and s.partition = p_partition;
end $$;

-- The players of a shard with rows that no snapshot reflects. It steps from player to player in
-- the index, so it costs players, not rows; whole days are left out, never single rows.
create function actors_behind(p_stage text, p_partition integer)
returns table (actor_id text) language plpgsql stable as $$
#variable_conflict use_column
declare
  -- A constant for each query below, so that days before it are pruned.
  low timestamptz := coalesce(
    (select date_trunc('day', clean_at, 'UTC') from shard
      where stage = p_stage and partition = p_partition), '-infinity');
begin
  return query
    with recursive player as (
      (select e.player_key, e.studio, e.user_id from player_events e
        where e.partition = p_partition and e.received_at >= low order by e.player_key limit 1)
      union all
      select n.* from player p, lateral (
        select e.player_key, e.studio, e.user_id from player_events e
        where e.partition = p_partition and e.received_at >= low and e.player_key > p.player_key
        order by e.player_key limit 1) n
    )
    -- `limit 1` keeps each look a look at one player, whatever the planner believes.
    select a.id
    from player p, lateral (select p.studio || '/' || p.user_id as id) a, lateral (
      select 1 from player_events e
      where e.partition = p_partition and e.player_key = p.player_key and e.received_at >= low
        and e."offset" > coalesce((
          select s."offset" from snapshot s
          where s.stage = p_stage and s.actor_id = a.id and s.part = ''), -1)
      limit 1) newer;
end $$;

-- Commits a batch. SQLSTATE ZF001: the shard has another epoch or offset, nothing was written.
-- The shard row comes first: its lock makes a zombie wait, and its condition turns the zombie away
-- before it has written anything.
create function commit_batch(
  p_stage text, p_partition integer, p_epoch bigint, p_old_offset bigint, p_new_offset bigint,
  p_emitted_offset bigint,
  p_sources text,     -- JSON object, changed positions only
  p_clean_at float8,  -- milliseconds; null: unchanged
  p_rows text,        -- JSON array of PlayerEvents with o = offset, r = received ms, k = player key
  p_snapshots text,   -- JSON array of {a, p, o, v, c, b}
  p_outbox text,      -- JSON array of records
  p_timers text       -- JSON array of {a, n, d}; d null = cancel
) returns void language plpgsql as $$
begin
  update shard set
    next_offset = p_new_offset,
    emitted_offset = greatest(emitted_offset, p_emitted_offset),
    sources = case when p_sources is null then sources else sources || p_sources::jsonb end,
    clean_at = greatest(clean_at, to_timestamp(p_clean_at / 1000))
  where stage = p_stage and partition = p_partition and epoch = p_epoch
    and next_offset = p_old_offset;
  if not found then
    raise exception 'shard %/% is not at epoch % and offset %',
      p_stage, p_partition, p_epoch, p_old_offset using errcode = 'ZF001';
  end if;

  if p_rows is not null then
    insert into player_events (
      partition, "offset", received_at, player_key, studio, user_id, game_id, event_id, event_type,
      session_id, "timestamp", properties, context, internal)
    select p_partition, o, to_timestamp(r / 1000), k, studio, user_id, game_id, event_id, event_type,
      session_id, to_timestamp("timestamp" / 1000), properties, context, event_type ^@ '$'
    from json_to_recordset(p_rows::json) as x(
      o bigint, r float8, k bigint, studio text, user_id text, game_id text, event_id text,
      event_type text, session_id text, "timestamp" float8, properties json, context json);
  end if;

  if p_snapshots is not null then
    insert into snapshot (stage, partition, actor_id, part, "offset", version, checksum, body)
    select p_stage, p_partition, a, p, o, v, c, b
    from json_to_recordset(p_snapshots::json) as x(
      a text, p text, o bigint, v integer, c text, b text)
    on conflict (stage, actor_id, part) do update set
      partition = excluded.partition, "offset" = excluded."offset", version = excluded.version,
      checksum = excluded.checksum, body = excluded.body, updated_at = now();
  end if;

  if p_timers is not null then
    -- By ctid, so that each is looked up by key, whatever the planner believes.
    delete from timer where ctid = any (array(
      select t.ctid from json_to_recordset(p_timers::json) as x(a text, n text, d float8), lateral (
        select ctid from timer
        where stage = p_stage and actor_id = x.a and name = x.n and x.d is null limit 1) t));
    insert into timer (stage, partition, actor_id, name, due_at)
    select p_stage, p_partition, a, n, to_timestamp(d / 1000)
    from json_to_recordset(p_timers::json) as x(a text, n text, d float8) where d is not null
    on conflict (stage, actor_id, name) do update set
      partition = excluded.partition, due_at = excluded.due_at;
  end if;

  delete from outbox
  where stage = p_stage and partition = p_partition and end_offset <= p_emitted_offset;
  if p_outbox is not null then
    insert into outbox (stage, partition, end_offset, records)
    values (p_stage, p_partition, p_new_offset, p_outbox);
  end if;
end $$;

-- Day metrics of every game, for people and for checks. revenue: currency -> minor units.
create view game_days as
select
  split_part(s.actor_id, '/', 1) as studio,
  substr(s.actor_id, strpos(s.actor_id, '/') + 1) as game_id,
  substr(s.part, 5)::date as day,
  coalesce((d.body ->> 'events')::bigint, 0) as events,
  coalesce((d.body ->> 'dau')::bigint, 0) as dau,
  coalesce((d.body ->> 'wau')::bigint, 0) as wau,
  coalesce((d.body ->> 'mau')::bigint, 0) as mau,
  coalesce((d.body ->> 'new_players')::bigint, 0) as new_players,
  coalesce((d.body ->> 'sessions')::bigint, 0) as sessions,
  coalesce((d.body ->> 'payers')::bigint, 0) as payers,
  coalesce(d.body -> 'revenue', '{}') as revenue
from snapshot s, lateral (select s.body::json as body) d
where s.stage = 'game' and s.part like 'day:%';
