-- What operators did: one row a call of the admin API. Written in batches, off the call's own path.
-- No bodies and no headers: neither tokens nor events can get in here.
create table audit (
  id bigint generated always as identity primary key,
  at timestamptz not null,
  -- Names the call: its answer carries it, and so does what it has changed. Unique, so that a batch whose
  -- outcome is unknown may be written again.
  call uuid not null unique,
  method text not null,
  -- Path and query, as sent.
  target text not null,
  status smallint not null,
  duration_ms float8 not null,
  -- Address of who called; null when it is not known.
  remote text
);
create index audit_at on audit (at);

-- What has become of dead letters. Their topic is append-only, so it stands here. The time of parking
-- belongs to a letter's name: offsets begin anew when a log is begun anew.
create table dead_letter_mark (
  partition smallint not null,
  "offset" bigint not null,
  parked_at timestamptz not null,
  discarded_at timestamptz,
  discarded_by uuid,
  replayed_at timestamptz,
  replayed_by uuid,
  replays integer not null default 0,
  primary key (partition, "offset", parked_at)
);
