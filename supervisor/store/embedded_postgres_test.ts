import assert from "node:assert/strict";
import postgres from "postgres";
import { Terminal } from "../../schema/errors.ts";
import { topicTable } from "../../schema/topics.ts";
import { postmasterFile, watchExit, within } from "./embedded/postmaster.ts";
import { type EmbeddedPostgres, startEmbeddedPostgres } from "./embedded_postgres.ts";
import { prepareDatabase } from "./migrate.ts";

const isRoot = Deno.uid() === 0;

/** Runs `use` with an empty folder; stops what `start` started and removes the folder. */
async function inFolder(
  use: (dataDir: string, start: () => Promise<EmbeddedPostgres>) => Promise<void>,
): Promise<void> {
  const dataDir = await Deno.makeTempDir({ prefix: "gamemetrics-store-" });
  const running: EmbeddedPostgres[] = [];
  try {
    await use(dataDir, async () => {
      const server = await startEmbeddedPostgres({ dataDir });
      running.push(server);
      return server;
    });
  } finally {
    for (const server of running) await server.stop();
    await Deno.remove(dataDir, { recursive: true });
  }
}

async function query<T = Record<string, unknown>>(url: string, text: string): Promise<T[]> {
  const sql = postgres(url, { max: 1, onnotice() {} });
  try {
    return [...await sql.unsafe(text)] as T[];
  } finally {
    await sql.end();
  }
}

/** Starts the server of `dataDir` in a process of its own, which is then killed. Returns the orphan's pid. */
async function leaveOrphan(dataDir: string): Promise<number> {
  const href = JSON.stringify(new URL("embedded_postgres.ts", import.meta.url).href);
  const code = `const { startEmbeddedPostgres } = await import(${href});
    const server = await startEmbeddedPostgres({ dataDir: ${JSON.stringify(dataDir)} });
    console.log(server.pid);`;
  const parent = new Deno.Command(Deno.execPath(), {
    args: ["eval", code],
    cwd: new URL("../..", import.meta.url),
    stdout: "piped",
  }).spawn();
  const reader = parent.stdout.pipeThrough(new TextDecoderStream()).getReader();
  const pid = Number((await reader.read()).value);
  parent.kill("SIGKILL");
  await parent.status;
  await reader.cancel();
  return pid;
}

Deno.test("startEmbeddedPostgres() serves a migrated database from an empty folder in seconds", async () => {
  await inFolder(async (_, start) => {
    const begin = performance.now();
    const { url, adopted } = await start();
    await prepareDatabase(url, topicTable());
    const ms = performance.now() - begin;
    // Below 1 s on an idle machine; this one may be busy.
    assert.ok(ms < 20_000, `the first start took ${Math.round(ms)} ms`);
    assert.equal(adopted, false);
    const [settings] = await query(
      url,
      `select current_setting('fsync') as fsync, current_setting('synchronous_commit') as wait,
        current_setting('full_page_writes') as pages, current_setting('data_checksums') as sums,
        current_setting('server_encoding') as encoding, current_setting('TimeZone') as zone,
        current_setting('checkpoint_timeout') as checkpoint`,
    );
    assert.deepEqual({ ...settings }, {
      fsync: "on",
      wait: "on",
      pages: "on",
      sums: "on",
      encoding: "UTF8",
      zone: "UTC",
      checkpoint: "30s",
    });
  });
});

Deno.test("startEmbeddedPostgres() demands the password, and only loopback can ask", async () => {
  await inFolder(async (_, start) => {
    const { url } = await start();
    await assert.rejects(query(url.replace(/:[^:@]+@/, ":wrong@"), "select 1"), /password/);
    const [row] = await query(url, "select current_setting('listen_addresses') as listens");
    assert.equal(row!.listens, "127.0.0.1");
  });
});

Deno.test("startEmbeddedPostgres() after stop() has the same data at the same URL", async () => {
  await inFolder(async (dataDir, start) => {
    const first = await start();
    await query(first.url, "create table kept as select 42 as n");
    await first.stop();
    await first.exited;
    await first.stop();
    const second = await start();
    assert.equal(second.url, first.url);
    assert.equal((await query(second.url, "select n from kept"))[0]!.n, 42);
    await second.stop(0);
    const third = await startEmbeddedPostgres({ dataDir });
    assert.equal((await query(third.url, "select n from kept"))[0]!.n, 42);
    await third.stop();
  });
});

Deno.test("startEmbeddedPostgres() recovers what was committed before a kill -9", async () => {
  await inFolder(async (_, start) => {
    const first = await start();
    await query(first.url, "create table kept as select generate_series(1, 1000) as n");
    Deno.kill(first.pid, "SIGKILL");
    await first.exited;
    await first.stop();
    const second = await start();
    assert.equal(second.adopted, false);
    assert.equal((await query(second.url, "select count(*)::int as n from kept"))[0]!.n, 1000);
  });
});

Deno.test("startEmbeddedPostgres() takes another port when the last one is lost", async () => {
  await inFolder(async (_, start) => {
    const first = await start();
    await first.stop();
    const port = Number(new URL(first.url).port);
    const thief = Deno.listen({ hostname: "127.0.0.1", port });
    try {
      const second = await start();
      assert.notEqual(Number(new URL(second.url).port), port);
      await query(second.url, "select 1");
    } finally {
      thief.close();
    }
  });
});

Deno.test("startEmbeddedPostgres() refuses a folder that is in use", async () => {
  await inFolder(async (dataDir, start) => {
    await start();
    await assert.rejects(
      startEmbeddedPostgres({ dataDir }),
      (error) => error instanceof Terminal && error.code === "data_dir_locked",
    );
  });
});

Deno.test("startEmbeddedPostgres() adopts the server of a killed parent", async () => {
  await inFolder(async (dataDir, start) => {
    const orphan = await leaveOrphan(dataDir);
    const server = await start();
    assert.equal(server.adopted, true);
    assert.equal(server.pid, orphan);
    await query(server.url, "select 1");
    await server.stop();
    assert.ok(await within(Promise.all([server.exited, watchExit(orphan, 10)]), 30_000));
  });
});

Deno.test("startEmbeddedPostgres() notices when an adopted server ends", async () => {
  await inFolder(async (dataDir, start) => {
    await leaveOrphan(dataDir);
    const server = await start();
    Deno.kill(server.pid, "SIGQUIT");
    assert.ok(await within(server.exited, 30_000));
  });
});

Deno.test("startEmbeddedPostgres() replaces an orphan that does not answer", async () => {
  await inFolder(async (dataDir, start) => {
    const orphan = await leaveOrphan(dataDir);
    Deno.kill(orphan, "SIGSTOP");
    const server = await start();
    assert.equal(server.adopted, false);
    assert.notEqual(server.pid, orphan);
    assert.ok(await within(watchExit(orphan, 10), 30_000));
    await query(server.url, "select 1");
  });
});

Deno.test("startEmbeddedPostgres() is not misled by a pid file that names a stranger", async () => {
  await inFolder(async (dataDir, start) => {
    const first = await start();
    const file = postmasterFile(`${dataDir}/postgres/data`);
    const text = await Deno.readTextFile(file);
    await first.stop();
    // As after a crash and a reboot, when the pid has been given to another program.
    const stranger = new Deno.Command("sleep", { args: ["600"] }).spawn();
    try {
      await Deno.writeTextFile(file, text.replace(/^\d+/, String(stranger.pid)));
      const second = await start();
      assert.equal(second.adopted, false);
      await query(second.url, "select 1");
      await second.stop();
    } finally {
      stranger.kill("SIGKILL");
      await stranger.status;
    }
  });
});

Deno.test("startEmbeddedPostgres() refuses the folder of another major version", async () => {
  await inFolder(async (dataDir, start) => {
    await (await start()).stop();
    await Deno.writeTextFile(`${dataDir}/postgres/data/PG_VERSION`, "17\n");
    await assert.rejects(
      startEmbeddedPostgres({ dataDir }),
      (error) => error instanceof Terminal && error.code === "store_version",
    );
    // The lock is free again.
    await Deno.writeTextFile(`${dataDir}/postgres/data/PG_VERSION`, "18\n");
    await start();
  });
});

Deno.test({
  name:
    "startEmbeddedPostgres() as root runs PostgreSQL as another user, and opens DATA_DIR to no other",
  ignore: !isRoot,
  async fn() {
    await inFolder(async (dataDir, start) => {
      const { pid } = await start();
      const owner = (await Deno.stat(`${dataDir}/postgres/data`)).uid;
      assert.notEqual(owner, 0);
      const { stdout } = await new Deno.Command("ps", { args: ["-o", "uid=", "-p", String(pid)] })
        .output();
      assert.equal(Number(new TextDecoder().decode(stdout)), owner);
      assert.equal((await Deno.stat(dataDir)).mode! & 0o067, 0);
      assert.equal((await Deno.stat(`${dataDir}/postgres/password`)).mode! & 0o777, 0o600);
    });
  },
});

Deno.test({
  name: "startEmbeddedPostgres() as root works below a folder that only root may enter",
  ignore: !isRoot,
  async fn() {
    const closed = await Deno.makeTempDir({ prefix: "gamemetrics-store-" });
    const dataDir = `${closed}/data`;
    let elsewhere = "";
    try {
      const first = await startEmbeddedPostgres({ dataDir });
      elsewhere = (await Deno.readTextFile(`${dataDir}/postgres.path`)).trim();
      assert.ok(!elsewhere.startsWith(closed));
      await query(first.url, "create table kept as select 42 as n");
      await first.stop();
      const second = await startEmbeddedPostgres({ dataDir });
      assert.equal((await query(second.url, "select n from kept"))[0]!.n, 42);
      await second.stop();
      // Nobody had to open the folder for it.
      assert.equal((await Deno.stat(closed)).mode! & 0o777, 0o700);
      await Deno.remove(elsewhere, { recursive: true });
      await assert.rejects(
        startEmbeddedPostgres({ dataDir }),
        (error) => error instanceof Terminal && error.code === "store_folder_missing",
      );
    } finally {
      if (elsewhere !== "") await Deno.remove(elsewhere, { recursive: true }).catch(() => {});
      await Deno.remove(closed, { recursive: true });
    }
  },
});
