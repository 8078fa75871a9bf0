-- The hash of a shard: the sum, modulo 2^64, of its snapshots' hashes. Each commit moves it by what its
-- owner believes to put in the place of what, so at any time it equals the sum over the rows, unless
-- a row was lost, brought back or written behind the owner's back.

alter table snapshot
  -- Of actor, part, behaviour version and checksum; computed by the owner.
  add column hash bigint not null default 0;
alter table shard
  add column hash numeric not null default 0,
  -- When the last owner let go of it in order; null while it is owned and after a crash.
  add column released_at timestamptz;

-- All that is asked of snapshots is asked within one shard, so a shard's rows stand together.
alter table snapshot drop constraint snapshot_pkey;
alter table snapshot add primary key (stage, partition, actor_id, part);

create function modulo_64(n numeric) returns numeric language sql immutable as $$
  select mod(mod(n, 18446744073709551616) + 18446744073709551616, 18446744073709551616)
$$;

-- Both sides of the comparison, as of one moment.
create function shard_hash(p_stage text, p_partition integer)
returns table (recorded text, summed text) language sql stable as $$
  select s.hash::text, modulo_64(coalesce((
    select sum(n.hash) from snapshot n where n.stage = p_stage and n.partition = p_partition), 0))::text
  from shard s where s.stage = p_stage and s.partition = p_partition
$$;

-- Makes the rows the truth again, once a difference was reported. It waits for a commit in flight, and
-- its sum is a later statement, which sees what that commit wrote.
create function reset_shard_hash(p_stage text, p_partition integer) returns void language plpgsql as $$
begin
  perform 1 from shard where stage = p_stage and partition = p_partition for update;
  update shard s set hash = (select h.summed::numeric from shard_hash(p_stage, p_partition) h)
  where s.stage = p_stage and s.partition = p_partition;
end $$;

drop function take_shard(text, integer, text, bigint);
-- Takes a shard: waits on its row lock for a commit in flight, then fences every earlier owner.
-- The outbox is read by a second statement on purpose: its snapshot is younger than the wait.
-- With p_held_epoch only if nobody but the same owner has taken it since.
create function take_shard(
  p_stage text, p_partition integer, p_owner text, p_held_epoch bigint)
returns table (
  epoch float8, next_offset float8, emitted_offset float8, sources text, outbox text,
  released_at float8)
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
      where o.stage = p_stage and o.partition = p_partition and o.end_offset > s.emitted_offset),
      -- As the last owner left it: only commits change it.
      extract(epoch from s.released_at)::float8 * 1000
    from shard s where s.stage = p_stage and s.partition = p_partition;
end $$;

drop function commit_batch(
  text, integer, bigint, bigint, bigint, bigint, text, float8, text, text, text, text);
-- Commits a batch. SQLSTATE ZF001: the shard has another epoch or offset, nothing was written.
-- The shard row comes first: its lock makes a zombie wait, and its condition turns the zombie away
-- before it has written anything.
create function commit_batch(
  p_stage text, p_partition integer, p_epoch bigint, p_old_offset bigint, p_new_offset bigint,
  p_emitted_offset bigint,
  p_sources text,     -- JSON object, changed positions only
  p_clean_at float8,  -- milliseconds; null: unchanged
  p_rows text,        -- JSON array of PlayerEvents with o = offset, r = received ms, k = player key
  p_snapshots text,   -- JSON array of {a, p, o, v, c, h, b}
  p_outbox text,      -- JSON array of records
  p_timers text,      -- JSON array of {a, n, d}; d null = cancel
  p_hash_change numeric,
  p_release boolean   -- the owner's last commit: it lets go of the shard
) returns void language plpgsql as $$
begin
  update shard set
    next_offset = p_new_offset,
    emitted_offset = greatest(emitted_offset, p_emitted_offset),
    sources = case when p_sources is null then sources else sources || p_sources::jsonb end,
    clean_at = greatest(clean_at, to_timestamp(p_clean_at / 1000)),
    hash = modulo_64(hash + p_hash_change),
    owner = case when p_release then null else owner end,
    released_at = case when p_release then clock_timestamp() end
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
    insert into snapshot (stage, partition, actor_id, part, "offset", version, checksum, hash, body)
    select p_stage, p_partition, a, p, o, v, c, h, b
    from json_to_recordset(p_snapshots::json) as x(
      a text, p text, o bigint, v integer, c text, h bigint, b text)
    on conflict (stage, partition, actor_id, part) do update set
      "offset" = excluded."offset", version = excluded.version,
      checksum = excluded.checksum, hash = excluded.hash, body = excluded.body, updated_at = now();
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

-- The players of a shard with rows that no snapshot reflects. It steps from player to player in
-- the index, so it costs players, not rows; whole days are left out, never single rows.
create or replace function actors_behind(p_stage text, p_partition integer)
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
          where s.stage = p_stage and s.partition = p_partition and s.actor_id = a.id
            and s.part = ''), -1)
      limit 1) newer;
end $$;
