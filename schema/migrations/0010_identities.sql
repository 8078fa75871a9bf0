-- Which user ids are one player. A row moves with the commit in which the player takes the alias over, or
-- gives it back, so that figures can be recomputed from the journal: who an event counts for is the
-- user_id of its alias' row, or its own.

create table player_alias (
  studio text collate "C" not null,
  alias_id text collate "C" not null,
  -- Who it is in the end, never an alias himself.
  user_id text collate "C" not null,
  -- Arrival of the message that made it so.
  linked_at timestamptz not null,
  primary key (studio, alias_id)
);
create index player_alias_user on player_alias (studio, user_id);

-- Commits a batch that changes aliases; all others call commit_batch() or commit_marked_batch().
create function commit_merging_batch(
  p_stage text, p_partition integer, p_epoch bigint, p_old_offset bigint, p_new_offset bigint,
  p_emitted_offset bigint, p_sources text, p_clean_at float8, p_rows text, p_snapshots text,
  p_outbox text, p_timers text, p_hash_change numeric, p_release boolean,
  p_halts text, p_watches text,
  p_aliases text   -- JSON array of {s, a, u, t}, each alias once; u null = a player of its own again
) returns void language plpgsql as $$
begin
  perform commit_marked_batch(
    p_stage, p_partition, p_epoch, p_old_offset, p_new_offset, p_emitted_offset, p_sources,
    p_clean_at, p_rows, p_snapshots, p_outbox, p_timers, p_hash_change, p_release, p_halts, p_watches);

  delete from player_alias p using json_to_recordset(p_aliases::json) as x(s text, a text, u text)
  where p.studio = x.s and p.alias_id = x.a and x.u is null;
  insert into player_alias (studio, alias_id, user_id, linked_at)
  select s, a, u, to_timestamp(t / 1000)
  from json_to_recordset(p_aliases::json) as x(s text, a text, u text, t float8)
  where u is not null
  on conflict (studio, alias_id) do update set
    user_id = excluded.user_id, linked_at = excluded.linked_at;
end $$;
