/**
 * The promise that an owner who has lost his shard writes nothing, broken on purpose.
 *
 * @module
 */
import type postgres from "postgres";

const check = /and epoch = p_epoch\s+and next_offset = p_old_offset/;

/**
 * Lets the store take commits from whoever comes, whatever his epoch.
 *
 * @throws {Error} no function of the store checks it
 */
export async function switchOffEpochCheck(sql: postgres.Sql): Promise<void> {
  const rows = await sql<{ text: string }[]>`
    select pg_get_functiondef(p.oid) as text from pg_proc p join pg_language l on l.oid = p.prolang
    where l.lanname in ('plpgsql', 'sql') and p.prokind = 'f'
      and p.pronamespace = current_schema()::regnamespace and p.prosrc like '%epoch = p_epoch%'`;
  const open = rows.map(({ text }) => text).filter((text) => check.test(text));
  if (open.length === 0) throw new Error("Cannot switch the epoch check off: it is not there");
  for (const text of open) await sql.unsafe(text.replace(check, ""));
}
