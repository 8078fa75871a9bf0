-- A sign of life counts from when it was sent, by the server's clock as its node was last told it, and
-- not from when it comes. One that was given up on may come all the same: the kernel goes on sending what
-- a closed connection still held, up to half a minute later, and the lease of a node that was gone ran
-- anew. `p_sent_ms` is never before the moment it was sent: elapsed time is added to the server's time of
-- an answer whose question had been asked by then.
drop function node_beat(text, text, float8, text, text, integer, boolean, text, float8);
create function node_beat(
  p_node_id text, p_life text, p_started_ms float8, p_url text, p_roles text, p_workers integer,
  p_is_leaving boolean, p_wants text, p_lease_ms float8,
  p_sent_ms float8 default null)  -- null: nobody has told this life the time yet
returns table (
  accepted boolean,  -- null: it came too late and has changed nothing
  nodes text, shards text,
  told_ms float8)    -- the server's time
language plpgsql as $$
#variable_conflict use_column
declare
  now_at timestamptz := clock_timestamp();
  lease interval := p_lease_ms * interval '1 millisecond';
  until timestamptz := least(now_at, to_timestamp(p_sent_ms / 1000)) + lease;
begin
  if until <= now_at then
    return query select null::boolean, '[]', '[]', extract(epoch from now_at)::float8 * 1000;
    return;
  end if;
  insert into node as n (node_id, life, started_ms, url, roles, workers, is_leaving, wants, expires)
  values (p_node_id, p_life, p_started_ms, p_url, p_roles, p_workers, p_is_leaving, p_wants, until)
  on conflict (node_id) do update set
    life = excluded.life, started_ms = excluded.started_ms, url = excluded.url,
    roles = excluded.roles, workers = excluded.workers, is_leaving = excluded.is_leaving,
    wants = excluded.wants, expires = excluded.expires
    -- Its own later one may have overtaken it; only a clock that stepped back shortens a lease.
    where (n.life = p_life and (n.expires <= excluded.expires or n.expires > now_at + lease))
      or n.expires <= now_at
      or (n.url is not distinct from p_url and n.started_ms < p_started_ms);
  return query select found or exists (select from node where node_id = p_node_id and life = p_life),
    coalesce((
      select json_agg(json_build_object('nodeId', node_id, 'life', life, 'url', url, 'roles', roles,
        'workers', workers, 'isLeaving', is_leaving, 'wants', wants::json) order by node_id)::text
      from node where expires > now_at), '[]'),
    coalesce((
      select json_agg(json_build_object('stage', s.stage, 'partition', s.partition,
        'epoch', s.epoch, 'nextOffset', s.next_offset, 'life',
        case when s.owner is not null and n.expires > now_at then n.life end)
        order by s.stage, s.partition)::text
      from shard s left join node n on n.life = s.lease), '[]'),
    extract(epoch from now_at)::float8 * 1000;
  delete from node where expires < now_at - interval '1 hour';
end $$;
