/**
 * Signs of life that their node has given up on, and that reach the server all the same: the kernel goes
 * on sending what a closed connection still holds.
 *
 * @module
 */
import assert from "node:assert/strict";
import postgres from "postgres";
import { Unavailable } from "../../../schema/errors.ts";
import { limits } from "../../../schema/limits.ts";
import {
  startTestingServer,
  stopTestingServer,
  type TestingServer,
} from "../../store/embedded/testing_server.ts";
import type { Beat } from "./membership.ts";
import { PostgresMembership } from "./postgres_membership.ts";

async function* chunksOf(connection: Deno.TcpConn): AsyncGenerator<Uint8Array> {
  for (;;) {
    const buffer = new Uint8Array(64 * 1024);
    const count = await connection.read(buffer).catch(() => null);
    if (count === null) return;
    yield buffer.subarray(0, count);
  }
}

/** A way to the server on which what is sent can be held back, beyond the end of who sent it. */
class SlowWay {
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #clients: Deno.TcpConn[] = [];
  readonly #servers: Deno.TcpConn[] = [];
  /** What was sent since {@link hold} over the connections that there were then. */
  readonly #held = new Map<Deno.TcpConn, Uint8Array[]>();
  #answered = Promise.withResolvers<void>();
  readonly url: string;

  constructor(url: string) {
    const { hostname, port } = new URL(url);
    const own = new URL(url);
    own.port = String(this.#listener.addr.port);
    this.url = own.href;
    void this.#accept(hostname, Number(port));
  }

  async #accept(hostname: string, port: number): Promise<void> {
    for await (const client of this.#listener) {
      const server = await Deno.connect({ hostname, port });
      this.#clients.push(client);
      this.#servers.push(server);
      void this.#forward(client, server);
      void this.#answer(server, client);
    }
  }

  async #forward(client: Deno.TcpConn, server: Deno.TcpConn): Promise<void> {
    // That the client goes is not told.
    for await (const bytes of chunksOf(client)) {
      const held = this.#held.get(server);
      if (held === undefined) await server.write(bytes);
      else held.push(bytes);
    }
  }

  async #answer(server: Deno.TcpConn, client: Deno.TcpConn): Promise<void> {
    for await (const bytes of chunksOf(server)) {
      this.#answered.resolve();
      await client.write(bytes).catch(() => {});
    }
  }

  /** From now on nothing arrives, but over new connections. */
  hold(): void {
    for (const server of this.#servers) this.#held.set(server, []);
  }

  /** What was held back arrives; resolves with the server's first answer. */
  async deliver(): Promise<void> {
    this.#answered = Promise.withResolvers();
    for (const [server, chunks] of this.#held) {
      for (const bytes of chunks) await server.write(bytes);
    }
    await this.#answered.promise;
  }

  close(): void {
    this.#listener.close();
    for (const connection of [...this.#clients, ...this.#servers]) connection.close();
  }
}

let server: TestingServer;
let sql: postgres.Sql;

Deno.test.beforeAll(async () => {
  server = await startTestingServer();
  sql = postgres(server.url, { max: 1, onnotice() {} });
});

Deno.test.afterAll(async () => {
  await sql.end({ timeout: 1 });
  await stopTestingServer(server);
});

const node = (nodeId: string, leaseMs: number): Beat => ({
  nodeId,
  life: `${nodeId}#1`,
  startedMs: 1,
  url: `http://${nodeId}`,
  roles: ["player"],
  workers: 1,
  isLeaving: false,
  wants: [],
  leaseMs,
});

async function rowOf(nodeId: string) {
  const [row] = await sql<{ runs: boolean; expires: string; is_leaving: boolean }[]>`
    select expires > clock_timestamp() as runs, expires::text, is_leaving
    from node where node_id = ${nodeId}`;
  return row!;
}

Deno.test("beat() that arrives after its lease would have run out renews nothing", async () => {
  const way = new SlowWay(server.url);
  const membership = new PostgresMembership(way.url);
  // It is given up on later than that.
  const beat = node("late", limits.nodeBeatTimeoutMs / 2);
  assert.ok(await membership.beat(beat));
  way.hold();
  await assert.rejects(membership.beat(beat), Unavailable);
  assert.equal((await rowOf("late")).runs, false);
  await way.deliver();
  assert.equal((await rowOf("late")).runs, false);
  // It has been told the time meanwhile: the next one counts.
  assert.ok(await membership.beat(beat));
  assert.equal((await rowOf("late")).runs, true);
  await membership.close();
  way.close();
});

Deno.test("beat() that a later one has overtaken changes nothing", async () => {
  const way = new SlowWay(server.url);
  const membership = new PostgresMembership(way.url);
  const beat = node("overtaken", 60_000);
  assert.ok(await membership.beat(beat));
  way.hold();
  await assert.rejects(membership.beat({ ...beat, isLeaving: true }), Unavailable);
  assert.ok(await membership.beat(beat));
  const before = await rowOf("overtaken");
  await way.deliver();
  assert.deepEqual(await rowOf("overtaken"), before);
  assert.equal(before.is_leaving, false);
  await membership.close();
  way.close();
});

Deno.test("beat() is late once when the server's clock was set ahead, and not again", async () => {
  const membership = new PostgresMembership(server.url);
  const beat = node("ahead", 500);
  assert.ok(await membership.beat(beat));
  // As if an hour had been added to it since it told the time.
  const real = performance.now;
  performance.now = () => real.call(performance) - 3_600_000;
  try {
    await assert.rejects(membership.beat(beat), Unavailable);
    assert.ok(await membership.beat(beat));
  } finally {
    performance.now = real;
    await membership.close();
  }
});
