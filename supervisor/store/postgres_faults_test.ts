import assert from "node:assert/strict";
import postgres from "postgres";
import { Fenced, OutcomeUnknown, Terminal, Unavailable } from "../../schema/errors.ts";
import { startEmbeddedPostgres } from "./embedded_postgres.ts";
import { PostgresStore } from "./postgres_store.ts";
import { commitBatch, freshPartition, journalRow } from "./contract/fixtures.ts";
import type { CommitBatch } from "./store.ts";
import {
  startTestingServer,
  stopTestingServer,
  type TestingServer,
} from "./embedded/testing_server.ts";

const timeoutMs = 1200;

let server: TestingServer;
let sql: postgres.Sql;

Deno.test.beforeAll(async () => {
  server = await startTestingServer();
  sql = postgres(server.url, { max: 4, onnotice() {} });
});

Deno.test.afterAll(async () => {
  await sql.end({ timeout: 1 });
  await stopTestingServer(server);
});

/** A store with an open connection and a shard of its own, with the batch for its first offset. */
async function owner(url = server.url, connections = 2) {
  const store = new PostgresStore({ url, connections, timeoutMs });
  const partition = freshPartition();
  const { epoch } = await store.takeShard("player", partition, "test");
  const batch: CommitBatch = commitBatch({
    partition,
    epoch,
    oldOffset: 0,
    newOffset: 1,
    rows: [journalRow(`s/fault-${partition}`, 0)],
  });
  // The days of the rows are made now, so that the commits below are single statements.
  await store.commit({ ...batch, newOffset: 0 });
  const rows = () => sql`select 1 from player_events where partition = ${partition}`;
  await sql`delete from player_events where partition = ${partition}`;
  return { store, partition, batch, rows, close: () => store.close() };
}

/** Holds the row lock of a shard until released, over a connection of its own. */
async function holdShard(partition: number): Promise<() => Promise<void>> {
  const holder = postgres(server.url, { max: 1 });
  await holder`begin`;
  await holder`select 1 from shard where partition = ${partition} for update`;
  return () => holder.end({ timeout: 0 });
}

/** Resolves with the pids of the statements that wait for a lock, once there are `count`. */
async function waiters(count: number): Promise<number[]> {
  while (true) {
    const rows = await sql<{ pid: number }[]>`
      select pid from pg_stat_activity
      where application_name = 'gamemetrics-store' and wait_event_type = 'Lock'`;
    if (rows.length === count) return rows.map((row) => row.pid);
  }
}

Deno.test("commit() is Unavailable when the server cannot be reached, as nothing was sent", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  const store = new PostgresStore({ url: `postgres://x:y@127.0.0.1:${port}/postgres`, timeoutMs });
  const batch = commitBatch({ partition: 0, epoch: 1, oldOffset: 0, newOffset: 1 });
  await assert.rejects(store.commit(batch), Unavailable);
  await assert.rejects(store.load("player", 0, ["s/a"]), Unavailable);
  await store.close();
});

Deno.test("a wrong password or a missing schema is Terminal", async () => {
  for (const url of [server.url.replace(/:[^:@]+@/, ":wrong@"), server.url + "1"]) {
    const store = new PostgresStore({ url, timeoutMs });
    await assert.rejects(store.takeShard("player", 0, "x"), Terminal);
    await store.close();
  }
  const store = new PostgresStore({ url: `${server.url}?search_path=pg_temp`, timeoutMs });
  await assert.rejects(store.takeShard("player", 0, "x"), Terminal);
  await store.close();
});

Deno.test("commit() is Unavailable when the server gives it up, and can be repeated", async () => {
  const { store, partition, batch, rows, close } = await owner();
  const release = await holdShard(partition);
  const begin = performance.now();
  await assert.rejects(store.commit(batch), Unavailable);
  assert.ok(performance.now() - begin < timeoutMs);
  await release();
  assert.equal((await rows()).length, 0);
  await store.commit(batch);
  assert.equal((await rows()).length, 1);
  await close();
});

Deno.test("takeShard() waits for the commit in flight and goes on after it", async () => {
  const { store, partition, batch, close } = await owner();
  const heir = new PostgresStore({ url: server.url, timeoutMs });
  const release = await holdShard(partition);
  const committed = store.commit(batch);
  await waiters(1);
  const claimed = heir.takeShard("player", partition, "heir");
  await waiters(2);
  await release();
  await committed;
  const claim = await claimed;
  assert.equal(claim.nextOffset, 1);
  assert.equal(claim.epoch, batch.epoch + 1);
  await assert.rejects(store.commit({ ...batch, oldOffset: 1, newOffset: 2 }), Fenced);
  await heir.close();
  await close();
});

Deno.test("commit() is OutcomeUnknown when its connection is cut by the server", async () => {
  const { store, partition, batch, rows, close } = await owner();
  const release = await holdShard(partition);
  const refused = assert.rejects(store.commit(batch), OutcomeUnknown);
  const [pid] = await waiters(1);
  await sql`select pg_terminate_backend(${pid!})`;
  await refused;
  await release();
  assert.equal((await rows()).length, 0);
  assert.equal((await store.takeShard("player", partition, "again")).nextOffset, 0);
  await close();
});

Deno.test("commit() is OutcomeUnknown when the answer is lost, and takeShard() tells", async () => {
  const line = cuttableLine(Number(new URL(server.url).port));
  const url = server.url.replace(/:\d+\/postgres$/, `:${line.port}/postgres`);
  const { store, partition, batch, rows, close } = await owner(url);
  line.dropAnswers();
  await assert.rejects(store.commit(batch), OutcomeUnknown);
  while ((await rows()).length === 0);
  line.restore();
  assert.equal((await store.takeShard("player", partition, "again")).nextOffset, 1);
  await close();
  line.close();
});

Deno.test("a statement that waits in vain for a connection is Unavailable", async () => {
  const { store, partition, batch, close } = await owner(server.url, 1);
  const release = await holdShard(partition);
  const first = assert.rejects(store.commit(batch), Unavailable);
  await waiters(1);
  const begin = performance.now();
  const impatient = new PostgresStore({ url: server.url, connections: 1, timeoutMs: 200 });
  await assert.rejects(impatient.takeShard("player", partition, "x"), Unavailable);
  assert.ok(performance.now() - begin < timeoutMs);
  await impatient.close();
  await first;
  await release();
  await store.commit(batch);
  await close();
});

Deno.test("a stopped server: deadlines hold, and it all goes on when it is continued", async () => {
  const { store, partition, batch, rows, close } = await owner();
  const other = new PostgresStore({ url: server.url, timeoutMs });
  const pids = [server.postgres.pid, ...await backends()];
  for (const pid of pids) Deno.kill(pid, "SIGSTOP");
  try {
    const begin = performance.now();
    await Promise.all([
      // Sent over an open connection, so it may yet happen.
      assert.rejects(store.commit(batch), OutcomeUnknown),
      assert.rejects(other.commit(batch), Unavailable),
      assert.rejects(other.load("player", partition, ["s/a"]), Unavailable),
    ]);
    assert.ok(performance.now() - begin < 2 * timeoutMs);
    await assert.rejects(store.takeShard("player", partition, "x"), Unavailable);
  } finally {
    for (const pid of pids) Deno.kill(pid, "SIGCONT");
  }
  const claim = await store.takeShard("player", partition, "again");
  const count = (await rows()).length;
  assert.equal(count, claim.nextOffset);
  await assert.rejects(store.commit(batch), Fenced);
  assert.equal((await rows()).length, count);
  await other.close();
  await close();
});

async function backends(): Promise<number[]> {
  const rows = await sql<{ pid: number }[]>`select pid from pg_stat_activity`;
  return rows.map((row) => row.pid);
}

Deno.test("kill -9 of the server during a commit: OutcomeUnknown, then Unavailable, then recovered", async () => {
  const { store, partition, batch, close } = await owner();
  await store.commit(batch);
  const release = await holdShard(partition);
  const next = { ...batch, oldOffset: 1, newOffset: 2 };
  const refused = assert.rejects(store.commit(next), OutcomeUnknown);
  await waiters(1);
  Deno.kill(server.postgres.pid, "SIGKILL");
  await server.postgres.exited;
  await refused;
  await release();
  await assert.rejects(store.commit(next), Unavailable);
  await server.postgres.stop();
  const again = await startEmbeddedPostgres({ dataDir: server.dataDir });
  server = { ...server, postgres: again, url: again.url };
  // The same port, so whoever knew the old server finds the new one.
  const claim = await store.takeShard("player", partition, "again");
  assert.equal(claim.nextOffset, 1);
  await store.commit({ ...next, epoch: claim.epoch });
  await close();
});

/** A TCP line to `port` whose way back can be cut: what is sent arrives, answers do not. */
function cuttableLine(port: number) {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  let isDropping = false;
  const open = new Set<Deno.TcpConn>();
  const copy = async (from: Deno.TcpConn, to: Deno.TcpConn, isAnswer: boolean) => {
    const buffer = new Uint8Array(65_536);
    try {
      for (let n; (n = await from.read(buffer)) !== null;) {
        if (isAnswer && isDropping) break;
        for (let at = 0; at < n;) at += await to.write(buffer.subarray(at, n));
      }
    } catch {
      // Cut from the other side.
    }
    for (const end of [from, to]) if (open.delete(end)) end.close();
  };
  (async () => {
    for await (const client of listener) {
      const upstream = await Deno.connect({ hostname: "127.0.0.1", port });
      open.add(client).add(upstream);
      copy(client, upstream, false);
      copy(upstream, client, true);
    }
  })();
  return {
    port: listener.addr.port,
    dropAnswers: () => isDropping = true,
    restore: () => isDropping = false,
    close() {
      listener.close();
      for (const end of open) end.close();
      open.clear();
    },
  };
}
