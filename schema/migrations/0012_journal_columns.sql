-- Journal rows come as columns rather than as an object a row: json_to_recordset() builds a hash table
-- for each object, which was a third of what an insert cost. The columns are joined by U+001E, which no
-- JSON text holds: offset, received (ms), player key as arrays; studio, user_id, game_id, event_id,
-- event_type, session_id as JSON arrays of strings (session_id: or null); timestamp (ms) as an array;
-- properties and context as JSON arrays of objects.

create or replace function commit_batch(
  p_stage text, p_partition integer, p_epoch bigint, p_old_offset bigint, p_new_offset bigint,
  p_emitted_offset bigint,
  p_sources text,     -- JSON object, changed positions only
  p_clean_at float8,  -- milliseconds; null: unchanged
  p_rows text,        -- columns of the journal rows, see above
  p_snapshots text,   -- JSON array of {a, p, o, v, c, h, b}
  p_outbox text,      -- JSON array of records
  p_timers text,      -- JSON array of {a, n, d}; d null = cancel
  p_hash_change numeric,
  p_release boolean   -- the owner's last commit: it lets go of the shard
) returns void language plpgsql as $$
declare
  columns text[];
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
    columns := string_to_array(p_rows, E'\x1e');
    insert into player_events (
      partition, "offset", received_at, player_key, studio, user_id, game_id, event_id, event_type,
      session_id, "timestamp", properties, context, internal)
    select p_partition, o, to_timestamp(r / 1000), k, studio, user_id, game_id, event_id, event_type,
      session_id, to_timestamp(t / 1000), properties, context, event_type ^@ '$'
    from rows from (
      unnest(columns[1]::bigint[]), unnest(columns[2]::float8[]), unnest(columns[3]::bigint[]),
      json_array_elements_text(columns[4]::json), json_array_elements_text(columns[5]::json),
      json_array_elements_text(columns[6]::json), json_array_elements_text(columns[7]::json),
      json_array_elements_text(columns[8]::json), json_array_elements_text(columns[9]::json),
      unnest(columns[10]::float8[]),
      json_array_elements(columns[11]::json), json_array_elements(columns[12]::json)
    ) as x(o, r, k, studio, user_id, game_id, event_id, event_type, session_id, t, properties, context);
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
