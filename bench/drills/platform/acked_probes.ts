/**
 * What became of the events that a drill's probes were told are taken.
 *
 * @module
 */
import type postgres from "postgres";

/** The game that probes write to. */
export const probeGame = "drill-probe";

/** How many of these event ids of {@link probeGame} the journal does not hold exactly once. */
export async function wrongProbes(sql: postgres.Sql, acked: readonly string[]): Promise<number> {
  const [row] = await sql<{ n: number }[]>`
    select count(*)::int as n from unnest(${acked as string[]}::text[]) as a(id) left join (
      select event_id as id, count(*) as times from player_events
      where game_id = ${probeGame} group by event_id) e using (id)
    where times is distinct from 1`;
  return row!.n;
}
