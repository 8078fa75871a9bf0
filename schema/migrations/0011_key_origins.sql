-- Origins of pages that a key may be used from; null: any. See schema/http/origin.ts.
alter table api_key add column origins text[];

-- As before, with the origins.
create or replace function api_keys_since(known bigint) returns table (version bigint, keys text)
language sql stable as $$
  select v.version, coalesce((
    select json_agg(json_build_object(
      'id', id, 'studio', studio, 'games', games, 'kind', kind, 'createGames', create_games,
      'origins', origins, 'hash', hash, 'sealed', sealed, 'previousHash', previous_hash,
      'previousSealed', previous_sealed,
      'previousUntil', round(extract(epoch from previous_until) * 1000)))
    from api_key where revoked_at is null), '[]')::text
  from api_key_version v where v.version <> known
$$;
