/**
 * Halts, watches and aliases on PostgreSQL: the statements, and the JSON that carries changes to
 * `commit_marked_batch()` and `commit_merging_batch()`.
 *
 * @module
 */
import type postgres from "postgres";
import type { CommitBatch, DownWatch, HaltMark, StageName } from "../store.ts";

/** What a shard's owner learns of them when it takes the shard. */
export interface Marks {
  readonly halted: readonly HaltMark[];
  readonly hasWatches: boolean;
}

/** Read after the take: whoever could change them is fenced. */
export async function selectMarks(
  sql: postgres.Sql,
  stage: StageName,
  partition: number,
): Promise<Marks> {
  const [row] = await sql<{ halted: HaltMark[]; has_watches: boolean }[]>`
    select coalesce((
      select json_agg(json_build_object(
        'actorId', actor_id, 'reason', reason,
        'since', round(extract(epoch from since) * 1000), 'offset', "offset",
        'behindSince', round(extract(epoch from behind_since) * 1000), 'letters', letters)
        order by actor_id)
      from actor_halt where stage = ${stage} and partition = ${partition}), '[]') as halted,
      exists (
        select 1 from actor_watch where stage = ${stage} and partition = ${partition}) as has_watches`;
  return { halted: row!.halted, hasWatches: row!.has_watches };
}

/** `null` when a batch changes none of them. */
export function encodeMarks(
  { halts, watches }: CommitBatch,
): { readonly halts: string; readonly watches: string } | null {
  if ((halts?.size ?? 0) === 0 && (watches?.length ?? 0) === 0) return null;
  const changes = Array.from(halts ?? [], ([a, mark]) => {
    if (mark === null) return { a };
    const { reason: r, since: s, offset: o, behindSince: b, letters: n } = mark;
    // PostgreSQL's text has no such character.
    return { a, r: r.replaceAll("\0", ""), s, o, b, n };
  });
  const watched = (watches ?? []).map(({ actorId: a, kind: k, watchedId: w, offset: o }) => (
    { a, k, w, o }
  ));
  return { halts: JSON.stringify(changes), watches: JSON.stringify(watched) };
}

/** What {@link encodeMarks} gives when there are none, for a call that takes them all the same. */
export const noMarks = { halts: "[]", watches: "[]" } as const;

/** Changes of aliases as JSON, each alias once; `null` when a batch has none. */
export function encodeAliases({ aliases = [] }: CommitBatch): string | null {
  if (aliases.length === 0) return null;
  const last = new Map(
    aliases.map((change) => [JSON.stringify([change.studio, change.aliasId]), change]),
  );
  return JSON.stringify(
    Array.from(last.values(), ({ studio, aliasId, userId, at }) => (
      { s: studio, a: aliasId, u: userId, t: at }
    )),
  );
}

export async function selectDownWatches(
  sql: postgres.Sql,
  stage: StageName,
  partition: number,
  limit: number,
): Promise<DownWatch[]> {
  const rows = await sql<DownWatch[]>`
    select actor_id as "actorId", watched_stage as kind, watched_id as "watchedId",
      "offset"::float8 as "offset", down_reason as reason,
      round(extract(epoch from down_since) * 1000)::float8 as since
    from actor_watch
    where stage = ${stage} and partition = ${partition} and down_since is not null
    order by actor_id, watched_stage, watched_id limit ${limit}`;
  return rows.map((row) => ({ ...row }));
}

export async function deleteWatches(
  sql: postgres.Sql,
  stage: StageName,
  partition: number,
  watches: readonly DownWatch[],
): Promise<void> {
  const text = JSON.stringify(watches);
  await sql`
    delete from actor_watch w using json_to_recordset(${text}::text::json) as x(
      "actorId" text, kind text, "watchedId" text, "offset" bigint)
    where w.stage = ${stage} and w.partition = ${partition} and w.actor_id = x."actorId"
      and w.watched_stage = x.kind and w.watched_id = x."watchedId" and w."offset" = x."offset"`;
}
