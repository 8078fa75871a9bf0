import assert from "node:assert/strict";
import postgres from "postgres";
import { Terminal, Unavailable } from "../../schema/errors.ts";
import { topicTable } from "../../schema/topics.ts";
import { type Migration, prepareDatabase, readMigrations, rememberTopics } from "./migrate.ts";
import {
  startTestingServer,
  stopTestingServer,
  type TestingServer,
} from "./embedded/testing_server.ts";

let server: TestingServer;
let shipped: Migration[];
let databases = 0;

Deno.test.beforeAll(async () => {
  server = await startTestingServer();
  shipped = await readMigrations();
});

Deno.test.afterAll(async () => await stopTestingServer(server));

/** Runs `use` on a new, empty database. */
async function inDatabase(use: (url: string, sql: postgres.Sql) => Promise<void>): Promise<void> {
  const name = `migrate_${databases++}`;
  const root = postgres(server.url, { max: 1 });
  await root.unsafe(`create database ${name}`);
  await root.end();
  const url = server.url.replace(/\/postgres$/, `/${name}`);
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

Deno.test("readMigrations() returns files in order, numbered without gaps", () => {
  assert.ok(shipped.length > 0);
  assert.deepEqual(shipped.map(({ version }) => version), shipped.map((_, i) => i + 1));
});

Deno.test("prepareDatabase() applies each migration once", async () => {
  await inDatabase(async (url, sql) => {
    const names = shipped.map(({ name }) => name);
    assert.deepEqual(await prepareDatabase(url, topicTable()), names);
    assert.deepEqual(await prepareDatabase(url, topicTable()), []);
    assert.deepEqual(await prepareDatabase(url, topicTable(), [...shipped, more]), [more.name]);
    assert.deepEqual(
      [...await sql`select version from migration order by version`].length,
      names.length + 1,
    );
  });
});

Deno.test("prepareDatabase() by many nodes at once applies each migration once", async () => {
  await inDatabase(async (url) => {
    const applied = await Promise.all(
      Array.from({ length: 5 }, () => prepareDatabase(url, topicTable(), [...shipped, more])),
    );
    assert.deepEqual(applied.flat().sort(), [...shipped, more].map(({ name }) => name));
  });
});

Deno.test("prepareDatabase() leaves nothing of a migration that fails", async () => {
  await inDatabase(async (url, sql) => {
    const broken = { ...more, sql: "create table half (n int); select 1/0" };
    await assert.rejects(
      prepareDatabase(url, topicTable(), [...shipped, broken]),
      coded("migration_failed"),
    );
    assert.equal((await sql`select to_regclass('half') as half`)[0]!.half, null);
    assert.deepEqual(await prepareDatabase(url, topicTable(), [...shipped, more]), [more.name]);
  });
});

Deno.test("prepareDatabase() refuses a database of a newer version", async () => {
  await inDatabase(async (url) => {
    await prepareDatabase(url, topicTable(), [...shipped, more]);
    await assert.rejects(prepareDatabase(url, topicTable()), coded("schema_too_new"));
  });
});

Deno.test("prepareDatabase() refuses a migration that was changed after it was applied", async () => {
  await inDatabase(async (url) => {
    await prepareDatabase(url, topicTable(), [...shipped, more]);
    const edited = { ...more, sql: `${more.sql} -- edited` };
    await assert.rejects(
      prepareDatabase(url, topicTable(), [...shipped, edited]),
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
