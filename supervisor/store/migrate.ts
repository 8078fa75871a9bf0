/**
 * Forward-only migrations: the SQL files of `schema/migrations`, each applied once, in order, in its
 * own transaction and under one lock, so any number of nodes may start at the same time.
 *
 * @module
 */
import postgres from "postgres";
import { PlatformError, Terminal, Unavailable } from "../../schema/errors.ts";
import { limits } from "../../schema/limits.ts";
import type { Topics } from "../../schema/topics.ts";
import { connectFault } from "./faults.ts";
import { openClient, placeOf } from "./sql/client.ts";
import { adoptTimescale } from "./sql/timescale.ts";
import { before } from "./sql_pool.ts";

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

export interface PrepareOptions {
  /** @default those of `schema/migrations` */
  readonly migrations?: readonly Migration[];
  /** Whether this node may bring a database that is behind to the code's schema. @default true */
  readonly mayMigrate?: boolean;
  /** Hears of what was left out, and why. @default nobody */
  readonly onNotice?: (message: string) => void;
}

/** What the code and the database are compared by; a server that hangs must not hang us. */
const answerMs = limits.commitTimeoutMs;

/**
 * Brings the database to the code's schema and holds the deployment to its partition counts.
 *
 * @returns the names of the migrations applied now
 * @throws {Terminal} `schema_too_new`, `schema_behind`, `migration_changed`, `migration_failed`,
 *   `partition_count_changed`, `store_misconfigured`
 * @throws {Unavailable} the server cannot be reached, or does not answer in time
 */
export async function prepareDatabase(
  url: string,
  topics: Topics,
  { migrations, mayMigrate = true, onNotice = () => {} }: PrepareOptions = {},
): Promise<string[]> {
  const known = migrations ?? await readMigrations();
  const sql = openClient(url, {
    max: 1,
    connect_timeout: 5,
    fetch_types: false,
    connection: { application_name: "gamemetrics-migrate" },
    onnotice() {},
  });
  const within = <T>(ms: number, work: Promise<T>) => before(performance.now() + ms, work);
  try {
    const missing = await within(answerMs, missingIn(sql, known));
    if (missing.length > 0 && !mayMigrate) throw behind(missing, "MIGRATE is off");
    const applied = missing.length === 0
      ? []
      : await within(limits.migrationTimeoutMs, migrate(sql, known));
    if (applied.length > 0) {
      const refused = (reason: string) =>
        onNotice(`The journal stays on native partitions as TimescaleDB refused it: ${reason}`);
      await within(limits.migrationTimeoutMs, adoptTimescale(url, lockKey, refused));
    }
    await within(answerMs, rememberTopics(sql, topics));
    await within(answerMs, makeFirstDays(sql));
    return applied;
  } catch (error) {
    throw placed(error, url);
  } finally {
    await sql.end({ timeout: 1 });
  }
}

/** The fault, with the place where it arose: there may be several databases. */
function placed(error: unknown, url: string): PlatformError {
  if (error instanceof Terminal && error.code !== "store_misconfigured") return error;
  const fault = error instanceof PlatformError ? error : connectFault(error);
  const options = { cause: fault.cause };
  if (fault instanceof Unavailable) {
    return new Unavailable("store", `${fault.message} (${placeOf(url)})`, options);
  }
  if (!(fault instanceof Terminal)) return fault;
  const message = `${fault.message} (${placeOf(url)}): check STORE_URL`;
  return new Terminal(fault.code, message, options);
}

/** The migrations that a database lacks; all of them when it has never seen one. */
async function missingIn(
  sql: postgres.Sql,
  migrations: readonly Migration[],
): Promise<readonly Migration[]> {
  const [row] = await sql<{ known: boolean }[]>`
    select to_regclass('migration') is not null as known`;
  return row!.known ? await pending(sql, migrations) : migrations;
}

/** The days that are needed at once; the store makes later ones as they come, and these if this fails. */
async function makeFirstDays(sql: postgres.Sql): Promise<void> {
  try {
    await sql`select make_day_partitions(d - 1, d + 2)
      from (select (now() at time zone 'UTC')::date as d) today`;
  } catch (error) {
    // Another node or a long query holds the lock; or making days is not for this node's user.
    if (!(error instanceof postgres.PostgresError && /^(55P03|42501)$/.test(error.code))) {
      throw error;
    }
  }
}

/**
 * Applies what is missing. Each migration is one message of several statements, which PostgreSQL
 * runs as one transaction: a connection lost in between leaves nothing half done.
 *
 * @returns the names of the migrations applied now
 * @throws {Terminal} `schema_too_new`, `schema_behind`, `migration_changed`, `migration_failed`
 */
export async function migrate(
  sql: postgres.Sql,
  migrations: readonly Migration[],
): Promise<string[]> {
  const lock = `select pg_advisory_xact_lock(${lockKey});`;
  try {
    await sql.unsafe(`${lock}
      create table if not exists migration (
        version integer primary key,
        name text not null,
        checksum text not null,
        applied_at timestamptz not null default now())`);
  } catch (error) {
    throw mayNot(error, migrations) ?? error;
  }
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
      const refused = mayNot(cause, [migration]);
      if (refused !== undefined) throw refused;
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

function behind(missing: readonly Migration[], why: string): Terminal {
  const names = missing.map(({ name }) => name).join(", ");
  return new Terminal(
    "schema_behind",
    `Cannot use this database as it lacks migrations (${names}) and ${why}: ` +
      `start a node with MIGRATE=on whose user owns the schema, once`,
  );
}

/** The fault of a user without the right to change the schema; `undefined` for any other error. */
function mayNot(error: unknown, missing: readonly Migration[]): Terminal | undefined {
  if (!(error instanceof postgres.PostgresError) || error.code !== "42501") return undefined;
  return behind(missing, `its user may not apply them (${error.message})`);
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
