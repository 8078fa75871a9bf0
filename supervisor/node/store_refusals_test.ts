/** What a whole process does when its store is not for it, or not there. */
import assert from "node:assert/strict";
import { join } from "node:path";
import postgres from "postgres";
import { topicTable } from "../../schema/topics.ts";
import {
  startTestingServer,
  stopTestingServer,
  type TestingServer,
} from "../store/embedded/testing_server.ts";
import { prepareDatabase } from "../store/migrate.ts";

let server: TestingServer;
Deno.test.beforeAll(async () => {
  server = await startTestingServer();
});
Deno.test.afterAll(async () => await stopTestingServer(server));

const main = new URL("../main.ts", import.meta.url).pathname;

async function freePort(): Promise<number> {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  return await Promise.resolve(port);
}

async function spawn(env: Record<string, string>) {
  const dataDir = await Deno.makeTempDir({ prefix: "gamemetrics-refused-" });
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", main],
    env: {
      NO_COLOR: "1",
      DATA_DIR: dataDir,
      PORT: "0",
      ADMIN_PORT: "0",
      LOG_LEVEL: "info",
      LOG_URL: "",
      CACHE_URL: "",
      ...env,
    },
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  return { child, dataDir };
}

/** Runs a node that ends by itself. */
async function refusal(env: Record<string, string>) {
  const { child, dataDir } = await spawn(env);
  const { code, stdout, stderr } = await child.output();
  await Deno.remove(dataDir, { recursive: true });
  const text = new TextDecoder().decode(stderr) + new TextDecoder().decode(stdout);
  const lines = text.split("\n").filter((line) => line.includes('"error"'));
  return { code, lines, text };
}

async function newDatabase(name: string): Promise<string> {
  const root = postgres(server.url, { max: 1 });
  await root.unsafe(`create database ${name}`);
  await root.end();
  return server.url.replace(/\/postgres$/, `/${name}`);
}

Deno.test("a node ends with 78 and one message when its store is not for it", async () => {
  const prepared = await newDatabase("other_partitions");
  await prepareDatabase(prepared, topicTable());
  const ahead = await newDatabase("ahead");
  const far = { version: 9001, name: "9001_far.sql", sql: "select 1" };
  await prepareDatabase(ahead, topicTable());
  const sql = postgres(ahead, { max: 1 });
  await sql`insert into migration (version, name, checksum) values (9001, ${far.name}, '')`;
  await sql.end();
  const cases: [string, Record<string, string>, RegExp][] = [
    ["password", {
      STORE_URL: server.url.replace(/:[^:@]+@/, ":wrong@"),
    }, /password authentication failed/],
    ["database", { STORE_URL: `${server.url}_none` }, /does not exist/],
    ["partitions", { STORE_URL: prepared, PARTITIONS: "6" }, /player\.events\.raw has 12, not 6/],
    ["behind", { STORE_URL: await newDatabase("empty"), MIGRATE: "off" }, /lacks migrations/],
    ["ahead", { STORE_URL: ahead }, /newer version/],
    ["certificate", { STORE_URL: `${server.url}?sslrootcert=/none.pem` }, /sslrootcert/],
  ];
  for (const [name, env, message] of cases) {
    const { code, lines, text } = await refusal(env);
    assert.equal(code, 78, `${name}: ${text}`);
    assert.equal(lines.length, 1, `${name}: ${text}`);
    assert.match(lines[0]!, message);
    assert.ok(!text.includes("wrong@"), `${name} shows the password`);
  }
});

Deno.test("a node whose store cannot be reached lives, is not ready and says why; SIGTERM ends it with 0", async () => {
  const port = await freePort();
  const gateway = await freePort();
  const admin = await freePort();
  const { child, dataDir } = await spawn({
    STORE_URL: `postgres://x:secret@127.0.0.1:${port}/gm`,
    PORT: String(gateway),
    ADMIN_PORT: String(admin),
  });
  const output = child.output();
  try {
    const ask = (path: string) => fetch(`http://127.0.0.1:${gateway}${path}`);
    const deadline = performance.now() + 60_000;
    for (;;) {
      assert.ok(performance.now() < deadline, "the node does not tell that its store is away");
      // Operators are told why.
      const response = await fetch(`http://127.0.0.1:${admin}/health/ready`).catch(() => undefined);
      const body = await response?.text() ?? "";
      if (!body.includes("Cannot reach PostgreSQL")) continue;
      assert.equal(response!.status, 503);
      assert.ok(body.includes("store") && body.includes(`127.0.0.1:${port}/gm`), body);
      assert.ok(!body.includes("secret"));
      break;
    }
    const named = await (await ask("/health/ready")).text();
    assert.ok(named.includes("store") && !named.includes("127.0.0.1"), named);
    const live = await ask("/health/live");
    await live.body?.cancel();
    assert.equal(live.status, 200);
  } finally {
    child.kill("SIGTERM");
  }
  const { code, stderr, stdout } = await output;
  const text = new TextDecoder().decode(stderr) + new TextDecoder().decode(stdout);
  assert.equal(code, 0, text);
  assert.equal(text.split("Waiting for the store").length - 1, 1, text);
  await Deno.remove(join(dataDir), { recursive: true });
});
