import { Consumer, Producer } from "@platformatic/kafka";
import assert from "node:assert/strict";
import { openClient } from "../../supervisor/store/sql/client.ts";
import { serviceUrl } from "../../supervisor/testing/services.ts";
import { opensslProgram } from "./certificates.ts";
import { clientOptions, withAdmin } from "./kafka/admin.ts";
import { javaProgram } from "./kafka/kafka.ts";
import { lookFor } from "./machine/packages.ts";
import { postgresProgram } from "./servers/postgres.ts";
import { redisProgram } from "./servers/redis.ts";
import type { StatusRow } from "./actions.ts";
import type { Variables } from "./service.ts";
import { runTask } from "./testing/run_task.ts";

const programs = await Promise.all(
  [javaProgram, postgresProgram, redisProgram, opensslProgram].map(lookFor),
);

const raw = "player.events.raw";

/** Appends a record as the user of the URL. */
async function append(url: string, topic: string): Promise<void> {
  const producer = new Producer(await clientOptions(url));
  try {
    await producer.send({
      messages: [{ topic, partition: 0, value: new TextEncoder().encode("x") }] as never,
    });
  } finally {
    await producer.close();
  }
}

/** Reads a topic's first records as the user of the URL. @returns how many */
async function read(url: string, topic: string): Promise<number> {
  const consumer = new Consumer({ ...await clientOptions(url), groupId: "gamemetrics-test" });
  try {
    const { topics } = await consumer.metadata({ topics: [topic] });
    const { id, partitions } = topics.get(topic)!;
    consumer.topics.track(topic);
    const answer = await consumer.fetch({
      node: partitions[0]!.leader,
      maxWaitTime: 100,
      topics: [{
        topicId: id,
        partitions: [{
          partition: 0,
          currentLeaderEpoch: -1,
          fetchOffset: 0n,
          lastFetchedEpoch: -1,
          partitionMaxBytes: 1_000_000,
        }],
      }],
    });
    const batches = answer.responses[0]?.partitions[0]?.records ?? [];
    return batches.flatMap(({ records }) => records).length;
  } finally {
    await consumer.close();
  }
}

/** The text of an error and all within it. */
function textOf(error: unknown): string {
  const { message, cause, errors = [] } = error as Error & { errors?: unknown[] };
  const inner = [cause, ...errors].filter((each) => each !== undefined);
  return [message, (error as { apiId?: string }).apiId, ...inner.map(textOf)].join(" · ");
}

const refuses = (pattern: RegExp) => (error: unknown) => {
  assert.match(textOf(error), pattern);
  return true;
};

async function checkKafka(variables: Variables): Promise<void> {
  const { LOG_GATEWAY_URL: gateway, LOG_WORKER_URL: worker, LOG_URL: platform } = variables;
  const wrong = gateway!.replace(/:[0-9a-f]{32}@/, ":wrong@");
  assert.notEqual(wrong, gateway);
  await assert.rejects(withAdmin(wrong, (admin) => admin.listTopics()), refuses(/authentication/i));
  await append(gateway!, raw);
  await assert.rejects(append(gateway!, "game.deltas"), refuses(/TOPIC_AUTHORIZATION_FAILED/));
  await assert.rejects(read(gateway!, raw), refuses(/TOPIC_AUTHORIZATION_FAILED/));
  await append(worker!, "game.deltas");
  assert.equal(await read(worker!, raw), 1);
  assert.equal(await read(platform!, "game.deltas"), 1);
}

async function select(url: string, statement: string): Promise<unknown> {
  const sql = openClient(url, { max: 1, connect_timeout: 5, onnotice() {} });
  try {
    const [row] = await sql.unsafe(statement);
    return row?.["value"];
  } finally {
    await sql.end({ timeout: 1 });
  }
}

async function checkPostgres({ STORE_URL: url }: Variables): Promise<void> {
  const tls = "select ssl as value from pg_stat_ssl where pid = pg_backend_pid()";
  assert.equal(await select(url!, tls), true);
  assert.equal(
    await select(url!, "create table t (i int); select count(*)::int as value from t"),
    undefined,
  );
  const wrong = url!.replace(/:[0-9a-f]{32}@/, ":wrong@");
  await assert.rejects(select(wrong, tls), { code: "28P01" });
  const plain = url!.replace(/\?.*/, "?sslmode=disable");
  await assert.rejects(select(plain, "select 1"), { code: "28000" });
  await assert.rejects(select(url!, "create database more"), { code: "42501" });
  await assert.rejects(select(url!, "create role more"), { code: "42501" });
  const other = url!.replace("/gamemetrics?", "/postgres?");
  assert.equal(
    await select(other, "select rolsuper as value from pg_roles where rolname = current_user"),
    false,
  );
}

/** Says lines to Redis over TLS, and gives its answer to the last. */
async function askRedis(url: URL, ...lines: string[]): Promise<string> {
  using connection = await Deno.connectTls({
    hostname: url.hostname,
    port: Number(url.port),
    caCerts: [await Deno.readTextFile(url.searchParams.get("ca")!)],
  });
  const chunk = new Uint8Array(1024);
  let answer = "";
  for (const line of lines) {
    await connection.write(new TextEncoder().encode(`${line}\r\n`));
    answer = new TextDecoder().decode(chunk.subarray(0, await connection.read(chunk) ?? 0));
  }
  return answer;
}

async function checkRedis({ CACHE_URL }: Variables): Promise<void> {
  const url = new URL(CACHE_URL!);
  const login = `AUTH ${url.username} ${url.password}`;
  assert.match(await askRedis(url, "GET a"), /^-NOAUTH/);
  assert.match(await askRedis(url, `AUTH ${url.username} wrong`), /^-WRONGPASS/);
  assert.match(await askRedis(url, login, "SET a 1"), /^\+OK/);
  assert.match(await askRedis(url, login, "CONFIG GET dir"), /^-NOPERM/);
  assert.match(await askRedis(url, login, "SHUTDOWN"), /^-NOPERM/);
}

async function statusOf(folder: string): Promise<{ code: number; rows: StatusRow[] }> {
  const { code, output } = await runTask(folder, ["status"]);
  return { code, rows: JSON.parse(output) };
}

Deno.test({
  name: "services up --secure refuses strangers and holds each user to its part; a killed one is " +
    "started again alone; down leaves nothing",
  // The same as this test's are up already, so that what they are made of is here.
  ignore: serviceUrl("LOG_URL") === undefined || programs.includes(undefined),
  async fn() {
    const folder = await Deno.makeTempDir({ prefix: "gamemetrics-services-" });
    // PostgreSQL's user must pass.
    await Deno.chmod(folder, 0o755);
    try {
      const first = await runTask(folder, ["up", "--secure", "--native"]);
      assert.equal(first.code, 0, first.progress);
      const variables: Variables = JSON.parse(first.output);
      await checkKafka(variables);
      await checkPostgres(variables);
      await checkRedis(variables);

      const before = await statusOf(folder);
      assert.equal(before.code, 0);
      assert.deepEqual(before.rows.map((row) => [row.service, row.secure, row.health]), [
        ["kafka", true, "answers"],
        ["postgres", true, "answers"],
        ["redis", true, "answers"],
      ]);
      Deno.kill(before.rows[2]!.pid!, "SIGKILL");
      const between = await statusOf(folder);
      assert.equal(between.code, 1);
      assert.equal(between.rows[2]!.health, "is gone");

      const second = await runTask(folder, ["up", "--secure", "--native"]);
      assert.equal(second.code, 0, second.progress);
      assert.deepEqual(Object.keys(JSON.parse(second.output)), Object.keys(variables));
      const after = (await statusOf(folder)).rows;
      assert.deepEqual(after.map(({ health }) => health), ["answers", "answers", "answers"]);
      assert.deepEqual(after.slice(0, 2), before.rows.slice(0, 2));
      assert.notEqual(after[2]!.pid, before.rows[2]!.pid);
    } finally {
      const { code, progress } = await runTask(folder, ["down", "--wipe"]);
      assert.equal(code, 0, progress);
      const left = [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
      assert.deepEqual(left, ["env.json", "lock", "passwords", "tls"]);
      assert.deepEqual((await statusOf(folder)).rows, []);
      await Deno.remove(folder, { recursive: true });
    }
  },
});
