import assert from "node:assert/strict";
import { parseCidr } from "../../schema/net/cidr.ts";
import { GuardThread, type GuardThreadOptions } from "./guard_thread.ts";

const encoder = new TextEncoder();
const get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const local = { hostname: "127.0.0.1", transport: "tcp" } as const;

interface World {
  readonly guard: GuardThread;
  readonly port: number;
  /** Stops the server in order. */
  readonly shutdown: () => Promise<void>;
}

/** A real server behind a guard's thread; it answers with whose request it was, after `gate`. */
async function guarded(
  options: GuardThreadOptions,
  use: (world: World) => Promise<void>,
  { hostname = "127.0.0.1", gate = Promise.resolve() } = {},
): Promise<void> {
  const guard = new GuardThread(options);
  const server = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen() {} },
    async (_, info) => {
      const peer = guard.peerOf(info.remoteAddr.port);
      if (peer === undefined) return new Response("stranger", { status: 403 });
      await gate;
      return new Response(`${peer.hostname} ${peer.port}`);
    },
  );
  try {
    const port = await guard.listen(hostname, 0, server.addr.port);
    await use({ guard, port, shutdown: () => server.shutdown() });
  } finally {
    await guard.end();
    await server.shutdown();
  }
}

/** Sends `text` and reads until the answer has a body, or to the end. */
async function ask(conn: Deno.TcpConn, text: string): Promise<string> {
  await conn.write(encoder.encode(text));
  return await answer(conn);
}

async function answer(conn: Deno.TcpConn): Promise<string> {
  const buffer = new Uint8Array(4096);
  let got = "";
  while (!/\r\n\r\n./.test(got)) {
    const read = await conn.read(buffer).catch(() => null);
    if (read === null) break;
    got += new TextDecoder().decode(buffer.subarray(0, read));
  }
  return got;
}

/** Waits until `condition` holds, at most 10 s. */
async function until(condition: () => boolean): Promise<void> {
  const deadline = performance.now() + 10_000;
  while (!condition()) {
    assert.ok(performance.now() < deadline, `waited in vain until ${condition}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Ports of loopback that are somebody's. */
const known = (guard: GuardThread) =>
  Array.from({ length: 65_536 }, (_, i) => i).filter((i) => guard.peerOf(i) !== undefined).length;

Deno.test("GuardThread.peerOf() tells whose the first request is, and nobody once he is gone", async () => {
  await guarded({}, async ({ guard, port }) => {
    for (let i = 0; i < 100; i++) {
      const conn = await Deno.connect({ ...local, port });
      const mine = `127.0.0.1 ${(conn.localAddr as Deno.NetAddr).port}`;
      for (const _ of [1, 2]) assert.ok((await ask(conn, get)).endsWith(`\r\n\r\n${mine}`));
      conn.close();
    }
    await until(() => known(guard) === 0);
  });
});

for (
  const [family, hostname, from, seen] of [
    ["IPv6", "::1", "::1", "::1"],
    ["IPv4 on IPv6", "::", "127.0.0.1", "::ffff:127.0.0.1"],
  ] as const
) {
  Deno.test(`GuardThread.peerOf() tells addresses of ${family}`, async () => {
    await guarded({}, async ({ port }) => {
      const conn = await Deno.connect({ hostname: from, port });
      const mine = `${seen} ${(conn.localAddr as Deno.NetAddr).port}`;
      const got = await ask(conn, get);
      assert.ok(got.endsWith(`\r\n\r\n${mine}`), got);
      conn.close();
    }, { hostname });
  });
}

Deno.test("GuardThread.peerOf() tells whom a trusted proxy speaks for", async () => {
  const trustedProxies = [parseCidr("127.0.0.0/8")!];
  await guarded({ trustedProxies }, async ({ port }) => {
    for (const [family, hostname] of [["4", "203.0.113.1"], ["6", "2001:db8::2"]]) {
      const conn = await Deno.connect({ ...local, port });
      const header = `PROXY TCP${family} ${hostname} ${hostname} 4711 443\r\n`;
      assert.ok((await ask(conn, header + get)).endsWith(`\r\n\r\n${hostname} 4711`));
      conn.close();
    }
  });
});

Deno.test("GuardThread tells what it counts", async () => {
  const open: number[] = [];
  const refused: string[] = [];
  const counts = {
    open: (connections: number) => void open.push(connections),
    refused: (reason: string, connections: number) => void refused.push(`${reason} ${connections}`),
  };
  await guarded({ connectionsMax: 1, counts }, async ({ port }) => {
    const kept = await Deno.connect({ ...local, port });
    await ask(kept, get);
    await until(() => open.at(-1) === 1);
    const late = await Deno.connect({ ...local, port });
    assert.match(await answer(late), /^HTTP\/1\.1 503 /);
    await until(() => refused.length > 0);
    for (const conn of [kept, late]) conn.close();
    await until(() => open.at(-1) === 0);
  });
  assert.deepEqual(refused, ["full 1"]);
});

Deno.test("GuardThread that drains takes nobody, and lets answers under way through", async () => {
  const { promise: gate, resolve } = Promise.withResolvers<void>();
  await guarded({}, async ({ guard, port, shutdown }) => {
    const busy = await Deno.connect({ ...local, port });
    await busy.write(encoder.encode(get));
    await until(() => known(guard) === 1);
    const silent = await Deno.connect({ ...local, port });
    await guard.drain();
    await assert.rejects(Deno.connect({ ...local, port }), Deno.errors.ConnectionRefused);
    assert.equal(await answer(silent), "");
    const stopped = shutdown();
    resolve();
    assert.match(await answer(busy), /^HTTP\/1\.1 200 /);
    await stopped;
    await guard.finish();
    assert.equal(await answer(busy), "");
    for (const conn of [busy, silent]) conn.close();
  }, { gate });
});

Deno.test("GuardThread that was closed can listen again, on the same port", async () => {
  await guarded({}, async ({ guard, port }) => {
    const server = Deno.serve(
      { port: 0, hostname: "127.0.0.1", onListen() {} },
      () => new Response("the next"),
    );
    const before = await Deno.connect({ ...local, port });
    await ask(before, get);
    await guard.close();
    assert.equal(await answer(before), "");
    assert.equal(await guard.listen("127.0.0.1", port, server.addr.port), port);
    const conn = await Deno.connect({ ...local, port });
    assert.match(await ask(conn, get), /the next$/);
    for (const each of [before, conn]) each.close();
    await guard.close();
    await server.shutdown();
  });
});

Deno.test("GuardThread.listen() tells a taken port by its class", async () => {
  const taken = Deno.listen({ ...local, port: 0 });
  const guard = new GuardThread();
  await assert.rejects(guard.listen("127.0.0.1", taken.addr.port, 1), Deno.errors.AddrInUse);
  taken.close();
  await guard.end();
  await assert.rejects(guard.listen("127.0.0.1", 0, 1), /has ended/);
});

Deno.test("GuardThread that throws has failed, and its connections end", async () => {
  const open: number[] = [];
  const counts = { open: (connections: number) => void open.push(connections), refused() {} };
  // Dividing by it throws, once there is a body to look at.
  const times = { bodyBytesPerSecondMin: 1n as unknown as number };
  await guarded({ counts, times }, async ({ guard, port }) => {
    const conn = await Deno.connect({ ...local, port });
    await ask(conn, get);
    await until(() => open.at(-1) === 1);
    await conn.write(encoder.encode("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nx"));
    await assert.rejects(guard.failed, /The guard's thread has ended: .*TypeError/);
    assert.equal(open.at(-1), 0);
    // What the server may have answered before is there, too.
    await answer(conn);
    assert.equal(await conn.read(new Uint8Array(1)).catch(() => null), null);
    conn.close();
    await Promise.all([guard.drain(), guard.close()]);
  });
});
