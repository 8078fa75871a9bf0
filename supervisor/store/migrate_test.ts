import assert from "node:assert/strict";
import postgres from "postgres";
import { Terminal, Unavailable } from "../../schema/errors.ts";
import { topicTable } from "../../schema/topics.ts";
import { type Migration, prepareDatabase, readMigrations, rememberTopics } from "./migrate.ts";
import { startTestingDatabase, type TestingDatabase } from "./sql/testing_database.ts";

let server: TestingDatabase;
let shipped: Migration[];

Deno.test.beforeAll(async () => {
  server = await startTestingDatabase(import.meta.url);
  shipped = await readMigrations();
});

Deno.test.afterAll(async () => await server.close());

/** Runs `use` on a new, empty database. */
async function inDatabase(use: (url: string, sql: postgres.Sql) => Promise<void>): Promise<void> {
  const url = await server.newDatabase();
  const sql = postgres(url, { max: 1, onnotice() {} });
  try {
    await use(url, sql);
  } finally {
    await sql.end();
  }
}

const coded = (code: string) => (error: unknown) =>
  error instanceof Terminal && error.code === code;

const more: Migration = { version: 9001, name: "9001_more.sql", sql: "create table more (n int)" };

async function sha256(text: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return new Uint8Array(digest).toHex();
}

Deno.test("readMigrations() returns files in order, numbered without gaps", () => {
  assert.ok(shipped.length > 0);
  assert.deepEqual(shipped.map(({ version }) => version), shipped.map((_, i) => i + 1));
});

Deno.test("prepareDatabase() applies each migration once", async () => {
  await inDatabase(async (url, sql) => {
    const names = shipped.map(({ name }) => name);
    assert.deepEqual(await prepareDatabase(url, topicTable()), names);
    assert.deepEqual(await prepareDatabase(url, topicTable()), []);
    assert.deepEqual(await prepareDatabase(url, topicTable(), { migrations: [...shipped, more] }), [
      more.name,
    ]);
    assert.deepEqual(
      [...await sql`select version from migration order by version`].length,
      names.length + 1,
    );
  });
});

Deno.test("prepareDatabase() by many nodes at once applies each migration once", async () => {
  await inDatabase(async (url) => {
    const applied = await Promise.all(
      Array.from(
        { length: 5 },
        () => prepareDatabase(url, topicTable(), { migrations: [...shipped, more] }),
      ),
    );
    assert.deepEqual(applied.flat().sort(), [...shipped, more].map(({ name }) => name));
  });
});

Deno.test("prepareDatabase() leaves nothing of a migration that fails", async () => {
  await inDatabase(async (url, sql) => {
    const broken = { ...more, sql: "create table half (n int); select 1/0" };
    await assert.rejects(
      prepareDatabase(url, topicTable(), { migrations: [...shipped, broken] }),
      coded("migration_failed"),
    );
    assert.equal((await sql`select to_regclass('half') as half`)[0]!.half, null);
    assert.deepEqual(await prepareDatabase(url, topicTable(), { migrations: [...shipped, more] }), [
      more.name,
    ]);
  });
});

Deno.test("prepareDatabase() waits for the node that migrates, then finds nothing left to do", async () => {
  await inDatabase(async (url, sql) => {
    await prepareDatabase(url, topicTable());
    const first = postgres(url, { max: 1, onnotice() {} });
    await first`begin`;
    await first`select pg_advisory_xact_lock(7061983)`;
    const second = prepareDatabase(url, topicTable(), { migrations: [...shipped, more] });
    const waiting = () =>
      sql`select from pg_stat_activity
        where application_name = 'gamemetrics-migrate' and wait_event = 'advisory'
          and datname = current_database()`;
    while ((await waiting()).length === 0);
    await first.unsafe(more.sql);
    await first`insert into migration (version, name, checksum)
      values (${more.version}, ${more.name}, ${await sha256(more.sql)})`;
    await first`commit`;
    assert.deepEqual(await second, []);
    await first.end();
  });
});

Deno.test("prepareDatabase() without the right to migrate takes a database that is up to date, and no other", async () => {
  await inDatabase(async (url) => {
    const mayMigrate = false;
    const refused = (error: unknown) =>
      coded("schema_behind")(error) && (error as Terminal).message.includes("MIGRATE is off");
    await assert.rejects(prepareDatabase(url, topicTable(), { mayMigrate }), refused);
    await prepareDatabase(url, topicTable());
    assert.deepEqual(await prepareDatabase(url, topicTable(), { mayMigrate }), []);
    await assert.rejects(
      prepareDatabase(url, topicTable(), { mayMigrate, migrations: [...shipped, more] }),
      (error) => refused(error) && (error as Terminal).message.includes(more.name),
    );
  });
});

Deno.test("prepareDatabase() by a user who may not change the schema says so", async () => {
  await inDatabase(async (url, sql) => {
    const role = `gm_reader_${Math.random().toString(36).slice(2, 10)}`;
    await sql.unsafe(`create role ${role} login password 'x'`);
    await sql.unsafe("revoke create on schema public from public");
    const asReader = new URL(url);
    Object.assign(asReader, { username: role, password: "x" });
    const refused = (error: unknown) =>
      coded("schema_behind")(error) && /permission denied/.test((error as Error).message);
    await assert.rejects(prepareDatabase(asReader.href, topicTable()), refused);
    await prepareDatabase(url, topicTable());
    await sql.unsafe(
      `grant select, insert, update, delete on all tables in schema public to ${role}`,
    );
    assert.deepEqual(await prepareDatabase(asReader.href, topicTable()), []);
    // Days are made all the same, and commits and rollups need no more than the tables.
    const reader = postgres(asReader.href, { max: 1, onnotice() {} });
    await reader`select make_day_partition('2040-01-01')`;
    await reader`select advance_rollups(10)`;
    await reader.end();
    assert.equal(
      (await sql`select to_regclass('player_events_20400101') as day`)[0]!.day,
      "player_events_20400101",
    );
    await assert.rejects(
      prepareDatabase(asReader.href, topicTable(), { migrations: [...shipped, more] }),
      refused,
    );
    await sql.unsafe(`drop owned by ${role}; drop role ${role}`);
  });
});

Deno.test("prepareDatabase() tells a wrong password, an unknown database and where", async () => {
  const { host } = new URL(server.url);
  const told = [
    [server.url.replace(/:[^:@]+@/, ":wrong@"), /password authentication failed/],
    [`${server.url}_none`, /database "gm_test_\w+_none" does not exist/],
  ] as const;
  for (const [url, reason] of told) {
    await assert.rejects(prepareDatabase(url, topicTable()), (error: Terminal) => {
      assert.equal(error.code, "store_misconfigured");
      assert.match(error.message, reason);
      assert.ok(error.message.includes(host) && error.message.endsWith("check STORE_URL"));
      return !error.message.includes("wrong");
    });
  }
});

Deno.test("prepareDatabase() refuses a database of a newer version", async () => {
  await inDatabase(async (url) => {
    await prepareDatabase(url, topicTable(), { migrations: [...shipped, more] });
    await assert.rejects(prepareDatabase(url, topicTable()), coded("schema_too_new"));
  });
});

Deno.test("prepareDatabase() refuses a migration that was changed after it was applied", async () => {
  await inDatabase(async (url) => {
    await prepareDatabase(url, topicTable(), { migrations: [...shipped, more] });
    const edited = { ...more, sql: `${more.sql} -- edited` };
    await assert.rejects(
      prepareDatabase(url, topicTable(), { migrations: [...shipped, edited] }),
      coded("migration_changed"),
    );
  });
});

Deno.test("prepareDatabase() is Unavailable when the server is away", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  await assert.rejects(
    prepareDatabase(`postgres://x:y@127.0.0.1:${port}/postgres`, topicTable()),
    Unavailable,
  );
});

Deno.test("rememberTopics() refuses other partition counts, and takes new topics", async () => {
  await inDatabase(async (url, sql) => {
    await prepareDatabase(url, topicTable(12));
    await rememberTopics(sql, topicTable(12));
    await assert.rejects(
      rememberTopics(sql, topicTable(6)),
      (error) =>
        coded("partition_count_changed")(error) &&
        (error as Terminal).message.includes("player.events.raw has 12, not 6"),
    );
    await sql`delete from deployment where topic = 'game.deltas'`;
    await rememberTopics(sql, topicTable(12));
    assert.equal((await sql`select from deployment`).length, Object.keys(topicTable()).length);
  });
});
