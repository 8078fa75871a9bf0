-- API keys of studios. Of a key that clients show only its hash is kept; one that signs is kept sealed
-- (AES-256-GCM under a secret that the database does not have), as a signature is checked with the secret
-- itself.
create table api_key (
  -- Public: what answers, logs and paths name the key by.
  id text primary key,
  studio text not null,
  -- Null: every game of the studio.
  games text[],
  kind text not null check (kind in ('write', 'read', 'hmac')),
  name text not null,
  -- Unknown games may be written, which creates them.
  create_games boolean not null,
  hash text unique,
  sealed text,
  -- The one before, good until then.
  previous_hash text unique,
  previous_sealed text,
  previous_until timestamptz,
  created_at timestamptz not null,
  -- The admin call that made it.
  created_by uuid not null,
  rotated_at timestamptz,
  revoked_at timestamptz,
  check ((kind = 'hmac') = (sealed is not null) and (kind = 'hmac') = (hash is null))
);
create index api_key_studio on api_key (studio);

-- One row, moved by whatever changes keys: nodes look at it several times a second.
create table api_key_version (
  one boolean primary key default true check (one),
  version bigint not null
);
insert into api_key_version (version) values (1);

create function bump_api_keys() returns trigger language plpgsql as $$
begin
  update api_key_version set version = version + 1;
  return null;
end $$;
create trigger api_key_changed after insert or update or delete on api_key
  for each statement execute function bump_api_keys();

-- The keys that are good, as JSON, with the version they are of; no row while nothing has changed since
-- `known`. One statement and so one snapshot.
create function api_keys_since(known bigint) returns table (version bigint, keys text)
language sql stable as $$
  select v.version, coalesce((
    select json_agg(json_build_object(
      'id', id, 'studio', studio, 'games', games, 'kind', kind, 'createGames', create_games,
      'hash', hash, 'sealed', sealed, 'previousHash', previous_hash,
      'previousSealed', previous_sealed,
      'previousUntil', round(extract(epoch from previous_until) * 1000)))
    from api_key where revoked_at is null), '[]')::text
  from api_key_version v where v.version <> known
$$;
