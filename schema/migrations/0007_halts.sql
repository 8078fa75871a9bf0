-- Actors that stand still, and who wants to be told of it. Both change with the commit that brings the
-- change about, so they outlive the process, and what a commit loses they lose, too.

create table actor_halt (
  stage text collate "C" not null,
  partition smallint not null,
  actor_id text collate "C" not null,
  reason text not null,
  since timestamptz not null,
  -- Offset of the message that halted it; -1: it could not be loaded.
  "offset" bigint not null,
  -- Arrival of its oldest journal row that no snapshot reflects; null: there is none.
  behind_since timestamptz,
  -- Messages of its that were sent to dlq.events since.
  letters bigint not null,
  primary key (stage, partition, actor_id)
);
create index actor_halt_actor on actor_halt (stage, actor_id);

-- One row a watch; it goes once its `$down` event is in the log.
create table actor_watch (
  stage text collate "C" not null,
  partition smallint not null,
  -- Who watches.
  actor_id text collate "C" not null,
  -- Who is watched.
  watched_stage text collate "C" not null,
  watched_id text collate "C" not null,
  -- Offset of the message that began it; names its `$down` event.
  "offset" bigint not null,
  -- Since when the watched stands still, and why; null while it does not.
  down_since timestamptz,
  down_reason text,
  primary key (stage, partition, actor_id, watched_stage, watched_id)
);
create index actor_watch_watched on actor_watch (watched_stage, watched_id);
create index actor_watch_down on actor_watch (stage, partition) where down_since is not null;

-- Commits a batch that halts or releases actors, or changes watches; all others call commit_batch().
create function commit_marked_batch(
  p_stage text, p_partition integer, p_epoch bigint, p_old_offset bigint, p_new_offset bigint,
  p_emitted_offset bigint, p_sources text, p_clean_at float8, p_rows text, p_snapshots text,
  p_outbox text, p_timers text, p_hash_change numeric, p_release boolean,
  p_halts text,    -- JSON array of {a, r, s, o, b, n}; r null = released
  p_watches text   -- JSON array of {a, k, w, o}; o null = no longer
) returns void language plpgsql as $$
begin
  perform commit_batch(
    p_stage, p_partition, p_epoch, p_old_offset, p_new_offset, p_emitted_offset, p_sources,
    p_clean_at, p_rows, p_snapshots, p_outbox, p_timers, p_hash_change, p_release);

  -- A halt and a watch of the same actor may come from two shards at once. Whoever is second sees what
  -- the first has written, as each statement below sees what was committed before it.
  perform pg_advisory_xact_lock(71, k) from (
    select distinct hashtext(x.k || '/' || x.w) as k
    from (
      select p_stage as k, a as w from json_to_recordset(p_halts::json) as h(a text)
      union all
      select k, w from json_to_recordset(p_watches::json) as n(k text, w text)
    ) x order by 1) locks;

  delete from actor_halt h using json_to_recordset(p_halts::json) as x(a text, r text)
  where h.stage = p_stage and h.partition = p_partition and h.actor_id = x.a and x.r is null;
  insert into actor_halt (stage, partition, actor_id, reason, since, "offset", behind_since, letters)
  select p_stage, p_partition, a, r, to_timestamp(s / 1000), o, to_timestamp(b / 1000), n
  from json_to_recordset(p_halts::json) as x(
    a text, r text, s float8, o bigint, b float8, n bigint)
  where r is not null
  on conflict (stage, partition, actor_id) do update set
    reason = excluded.reason, since = excluded.since, "offset" = excluded."offset",
    behind_since = excluded.behind_since, letters = excluded.letters;
  update actor_watch w set down_since = to_timestamp(x.s / 1000), down_reason = x.r
  from json_to_recordset(p_halts::json) as x(a text, r text, s float8)
  where x.r is not null and w.watched_stage = p_stage and w.watched_id = x.a
    and w.down_since is null;

  delete from actor_watch w using json_to_recordset(p_watches::json) as x(a text, k text, w text, o bigint)
  where w.stage = p_stage and w.partition = p_partition and w.actor_id = x.a
    and w.watched_stage = x.k and w.watched_id = x.w and x.o is null;
  -- Who watches already goes on with the watch it has.
  insert into actor_watch (
    stage, partition, actor_id, watched_stage, watched_id, "offset", down_since, down_reason)
  select p_stage, p_partition, x.a, x.k, x.w, x.o, h.since, h.reason
  from json_to_recordset(p_watches::json) as x(a text, k text, w text, o bigint)
  left join lateral (
    select since, reason from actor_halt where stage = x.k and actor_id = x.w limit 1) h on true
  where x.o is not null
  on conflict (stage, partition, actor_id, watched_stage, watched_id) do nothing;
end $$;
