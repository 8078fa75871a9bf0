-- Several nodes: who is alive, and which life of which node holds a shard.
-- The lease is the node's, one row renewed every second, not the shard's: renewing shards one by one
-- would wait for, and hold up, the commits that write the same rows. Leases say when a shard may be
-- taken; what keeps an owner that has lost it from writing is its epoch, as before.

create table node (
  node_id text primary key,
  -- Unique to one life of the node; a successor of the same name replaces it.
  life text not null unique,
  -- When that life began, milliseconds on the node's clock: a later life wins over an earlier one.
  started_ms float8 not null,
  -- Where other nodes reach it; null when it was not told.
  url text,
  -- Comma-separated.
  roles text not null,
  workers integer not null,
  -- It hands its shards over and takes none.
  is_leaving boolean not null,
  -- JSON array of `stage/partition`: shards that it waits for.
  wants text not null,
  expires timestamptz not null
);

alter table shard
  -- The life that holds it; null for an owner without a lease, which may be replaced at any time.
  add column lease text,
  -- Never used: wishes stand with the node, where they end with it and lock no shard.
  drop column wanted_by,
  drop column expires;

-- The log whose offsets the shards count. A store and another log do not belong together.
create table deployment_log (
  is_only boolean primary key default true check (is_only),
  log_id text not null
);

-- Remembers the log's identity at the first call. Returns the one that is remembered.
create function remember_log(p_log_id text) returns text language plpgsql as $$
begin
  insert into deployment_log (log_id) values (p_log_id) on conflict do nothing;
  return (select log_id from deployment_log);
end $$;

-- A node's sign of life: renews its lease, and returns who else is alive and who holds what.
-- `accepted` is false when another life has the name: one that began later, or one at another URL whose
-- lease has not run out.
create function node_beat(
  p_node_id text, p_life text, p_started_ms float8, p_url text, p_roles text, p_workers integer,
  p_is_leaving boolean, p_wants text, p_lease_ms float8)
returns table (accepted boolean, nodes text, shards text) language plpgsql as $$
#variable_conflict use_column
begin
  insert into node as n (node_id, life, started_ms, url, roles, workers, is_leaving, wants, expires)
  values (p_node_id, p_life, p_started_ms, p_url, p_roles, p_workers, p_is_leaving, p_wants,
    clock_timestamp() + p_lease_ms * interval '1 millisecond')
  on conflict (node_id) do update set
    life = excluded.life, started_ms = excluded.started_ms, url = excluded.url,
    roles = excluded.roles, workers = excluded.workers, is_leaving = excluded.is_leaving,
    wants = excluded.wants, expires = excluded.expires
    where n.life = p_life or n.expires <= clock_timestamp()
      or (n.url is not distinct from p_url and n.started_ms < p_started_ms);
  return query select found,
    coalesce((
      select json_agg(json_build_object('nodeId', node_id, 'life', life, 'url', url, 'roles', roles,
        'workers', workers, 'isLeaving', is_leaving, 'wants', wants::json) order by node_id)::text
      from node where expires > clock_timestamp()), '[]'),
    coalesce((
      select json_agg(json_build_object('stage', s.stage, 'partition', s.partition,
        'epoch', s.epoch, 'nextOffset', s.next_offset, 'life',
        case when s.owner is not null and n.expires > clock_timestamp() then n.life end)
        order by s.stage, s.partition)::text
      from shard s left join node n on n.life = s.lease), '[]');
  delete from node where expires < clock_timestamp() - interval '1 hour';
end $$;

drop function take_shard(text, integer, text, bigint);
-- Takes a shard: waits on its row lock for a commit in flight, then fences every earlier owner.
-- The outbox is read by a second statement on purpose: its snapshot is younger than the wait.
-- With p_held_epoch only if nobody but the same owner has taken it since. With p_lease, a life, only
-- while that life's lease runs, and only if no other life's that runs holds the shard.
create function take_shard(
  p_stage text, p_partition integer, p_owner text, p_held_epoch bigint, p_lease text)
returns table (
  epoch float8, next_offset float8, emitted_offset float8, sources text, outbox text,
  released_at float8)
language plpgsql as $$
#variable_conflict use_column
declare
  -- Told once: an owner that commits nothing must not be taken for one that let go.
  let_go timestamptz := (
    select released_at from shard where stage = p_stage and partition = p_partition for update);
begin
  if p_lease is not null and not exists (
    select 1 from node n where n.life = p_lease and n.expires > clock_timestamp()) then
    raise exception 'the lease of % has run out', p_owner using errcode = 'ZF001';
  end if;
  insert into shard as s (stage, partition, epoch, owner, lease)
  values (p_stage, p_partition, 1, p_owner, p_lease)
  on conflict (stage, partition) do update
    set epoch = s.epoch + 1, owner = p_owner, lease = p_lease, released_at = null
    where (p_held_epoch is null or s.epoch = p_held_epoch or s.owner = p_owner)
      and (p_lease is null or s.owner is null or s.lease is null or s.lease = p_lease
        or not exists (
          select 1 from node n where n.life = s.lease and n.expires > clock_timestamp()));
  if not found then
    raise exception 'shard %/% is held by another owner', p_stage, p_partition
      using errcode = 'ZF001';
  end if;
  return query
    select s.epoch::float8, s.next_offset::float8, s.emitted_offset::float8, s.sources::text, (
      select json_agg(json_build_array(o.end_offset, o.records) order by o.end_offset)::text
      from outbox o
      where o.stage = p_stage and o.partition = p_partition and o.end_offset > s.emitted_offset),
      extract(epoch from let_go)::float8 * 1000
    from shard s where s.stage = p_stage and s.partition = p_partition;
end $$;
