/**
 * Forward-only migrations: the SQL files of `schema/migrations`, each applied once, in order, in its
 * own transaction and under one lock, so any number of nodes may start at the same time.
 *
 * @module
 */
import postgres from "postgres";
import { PlatformError, Terminal } from "../../schema/errors.ts";
import type { Topics } from "../../schema/topics.ts";
import { connectFault } from "./faults.ts";

/** One file `NNNN_name.sql`. */
export interface Migration {
  readonly version: number;
  readonly name: string;
  readonly sql: string;
}

/** Any number that no other program takes an advisory lock on in our database. */
const lockKey = 7_061_983;

/** The migrations of a folder, in order. */
export async function readMigrations(
  folder: URL = new URL("../../schema/migrations/", import.meta.url),
): Promise<Migration[]> {
  const migrations: Migration[] = [];
  for await (const { name } of Deno.readDir(folder)) {
    const [, version] = /^(\d{4})_\w+\.sql$/.exec(name) ?? [];
    if (version === undefined) continue;
    const sql = await Deno.readTextFile(new URL(name, folder));
    migrations.push({ version: Number(version), name, sql });
  }
  return migrations.sort((a, b) => a.version - b.version);
}

/**
 * Brings the database to the code's schema and holds the deployment to its partition counts.
 *
 * @returns the names of the migrations applied now
 * @throws {Terminal} `schema_too_new`, `migration_changed`, `migration_failed`, `partition_count_changed`
 * @throws {Unavailable} the server cannot be reached
 */
export async function prepareDatabase(
  url: string,
  topics: Topics,
  migrations?: readonly Migration[],
): Promise<string[]> {
  const sql = postgres(url, { max: 1, connect_timeout: 5, fetch_types: false, onnotice() {} });
  try {
    const applied = await migrate(sql, migrations ?? await readMigrations());
    await rememberTopics(sql, topics);
    await makeFirstDays(sql);
    return applied;
  } catch (error) {
    throw error instanceof PlatformError ? error : connectFault(error);
  } finally {
    await sql.end({ timeout: 1 });
  }
}

/** The days that are needed at once; the store makes later ones as they come, and these if this fails. */
async function makeFirstDays(sql: postgres.Sql): Promise<void> {
  try {
    await sql`select make_day_partitions(d - 1, d + 2)
      from (select (now() at time zone 'UTC')::date as d) today`;
  } catch (error) {
    // Another node or a long query holds the lock.
    if (!(error instanceof postgres.PostgresError && error.code === "55P03")) throw error;
  }
}

/**
 * Applies what is missing. Each migration is one message of several statements, which PostgreSQL
 * runs as one transaction: a connection lost in between leaves nothing half done.
 *
 * @returns the names of the migrations applied now
 * @throws {Terminal} `schema_too_new`, `migration_changed`, `migration_failed`
 */
export async function migrate(
  sql: postgres.Sql,
  migrations: readonly Migration[],
): Promise<string[]> {
  const lock = `select pg_advisory_xact_lock(${lockKey});`;
  await sql.unsafe(`${lock}
    create table if not exists migration (
      version integer primary key,
      name text not null,
      checksum text not null,
      applied_at timestamptz not null default now())`);
  const applied: string[] = [];
  for (const migration of await pending(sql, migrations)) {
    const { version, name, sql: text } = migration;
    const entry = `insert into migration (version, name, checksum)
      values (${version}, '${name}', '${await checksumOf(migration)}');`;
    try {
      await sql.unsafe(`${lock} ${entry} ${text}`);
      applied.push(name);
    } catch (cause) {
      if (!(cause instanceof postgres.PostgresError)) throw cause;
      // Another node that starts at the same time was first.
      if (cause.table_name === "migration" && cause.code === "23505") continue;
      const reason = `Cannot apply the migration ${name}: ${cause.message}`;
      throw new Terminal("migration_failed", reason, { cause });
    }
  }
  return applied;
}

/** Migrations that were not applied yet, once those applied are known to be the code's. */
async function pending(
  sql: postgres.Sql,
  migrations: readonly Migration[],
): Promise<readonly Migration[]> {
  const rows = await sql<{ version: number; name: string; checksum: string }[]>`
    select version, name, checksum from migration order by version`;
  const known = new Map(migrations.map((migration) => [migration.version, migration]));
  for (const { version, name, checksum } of rows) {
    const migration = known.get(version);
    if (migration === undefined) throw tooNew(name, migrations);
    if (checksum !== await checksumOf(migration)) throw changed(migration);
  }
  const done = new Set(rows.map((row) => row.version));
  return migrations.filter((migration) => !done.has(migration.version));
}

function tooNew(name: string, migrations: readonly Migration[]): Terminal {
  return new Terminal(
    "schema_too_new",
    `Cannot use this database as a newer version of the platform has migrated it (${name}); this ` +
      `version knows ${migrations.at(-1)?.name ?? "no migration"}: start that newer version`,
  );
}

function changed({ name }: Migration): Terminal {
  return new Terminal(
    "migration_changed",
    `Cannot use this database as the migration ${name} was another text when it was applied: ` +
      `restore the file, and put the change into a new one`,
  );
}

async function checksumOf({ sql }: Migration): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(sql));
  return new Uint8Array(digest).toHex();
}

/**
 * Remembers the partition count of each topic, and refuses counts other than those remembered.
 *
 * @throws {Terminal} `partition_count_changed`
 */
export async function rememberTopics(sql: postgres.Sql, topics: Topics): Promise<void> {
  const wanted = Object.entries(topics).map(([topic, { partitions }]) => ({ topic, partitions }));
  const text = JSON.stringify(wanted);
  await sql`
    insert into deployment (topic, partitions)
    select topic, partitions
    from json_to_recordset(${text}::text::json) as x(topic text, partitions integer)
    on conflict (topic) do nothing`;
  const rows = await sql<{ topic: string; partitions: number }[]>`
    select topic, partitions from deployment`;
  const counts = new Map(rows.map(({ topic, partitions }) => [topic, partitions]));
  const faults = wanted.flatMap(({ topic, partitions }) => {
    const count = counts.get(topic)!;
    return count === partitions ? [] : [`${topic} has ${count}, not ${partitions}`];
  });
  if (faults.length === 0) return;
  throw new Terminal(
    "partition_count_changed",
    `Cannot start as partition counts are fixed for the life of a deployment: ${
      faults.join(", ")
    }. ` +
      `Set PARTITIONS back, or begin a new deployment`,
  );
}
