/**
 * The journal on TimescaleDB where the server offers it, on native day partitions where not.
 *
 * @module
 */
import postgres from "postgres";
import { openClient } from "./client.ts";

/**
 * What became of it: `unavailable` the server has no such extension, `adopted` now, `there` already,
 * `begun` the journal has rows on native partitions and stays there, `refused` by the server.
 */
export type TimescaleOutcome = "unavailable" | "adopted" | "there" | "begun" | "refused";

const step = new URL("../../../schema/migrations/timescale.sql", import.meta.url);

/**
 * Turns an empty journal into a hypertable, with compression and a continuous aggregate in the place of
 * our rollups. On a connection of its own, since a server that has the extension on disk only, and not
 * preloaded, cuts it. It is a courtesy: whatever the server says to it, native partitions do.
 *
 * @param url of a database that has all migrations
 * @param lockKey of the migrations
 * @param onRefused what the server says against it
 */
export async function adoptTimescale(
  url: string,
  lockKey: number,
  onRefused: (reason: string) => void = () => {},
): Promise<TimescaleOutcome> {
  const sql = openClient(url, { max: 1, connect_timeout: 5, fetch_types: false, onnotice() {} });
  try {
    const state = await stateOf(sql);
    if (state !== "native") return state;
    const text = await Deno.readTextFile(step);
    // One message, one transaction. Whoever waited for the lock looks again.
    await sql.unsafe(`select pg_advisory_xact_lock(${lockKey});
      do $$ begin
        -- Whoever writes waits, and then finds the new table.
        lock table player_events in access exclusive mode;
        if exists (select from player_events) then
          raise exception 'the journal has begun' using errcode = 'ZT001';
        end if;
        if to_regclass('player_events_default') is null then
          raise exception 'adopted already' using errcode = 'ZT002';
        end if;
      end $$;
      ${text}`);
    return "adopted";
  } catch (error) {
    const { code, message } = error as postgres.PostgresError;
    if (code === "ZT001") return "begun";
    if (code === "ZT002") return "there";
    onRefused(message);
    return "refused";
  } finally {
    await sql.end({ timeout: 1 });
  }
}

async function stateOf(sql: postgres.Sql): Promise<"native" | "unavailable" | "there" | "begun"> {
  const [row] = await sql<{ offered: boolean; native: boolean; begun: boolean }[]>`
    select exists (select from pg_available_extensions where name = 'timescaledb') as offered,
      to_regclass('player_events_default') is not null as native,
      exists (select from player_events) as begun`;
  if (!row!.native) return "there";
  if (!row!.offered) return "unavailable";
  return row!.begun ? "begun" : "native";
}
