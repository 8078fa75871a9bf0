import assert from "node:assert/strict";
import { SlowCrowd } from "./slow_crowd.ts";

const clients = { drip: 3, body: 2, idle: 2 };

/** A server that does this with each connection; and a crowd that has come to it. */
async function crowded(
  treat: (conn: Deno.Conn) => Promise<void>,
  use: (crowd: SlowCrowd) => Promise<void>,
): Promise<void> {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const conns: Deno.Conn[] = [];
  const serving = (async () => {
    for await (const conn of listener) {
      conns.push(conn);
      void treat(conn).catch(() => {});
    }
  })();
  const url = `http://127.0.0.1:${listener.addr.port}`;
  const crowd = new SlowCrowd({ url, key: "k", clients, cutMsMax: 100 });
  await crowd.come();
  try {
    await use(crowd);
  } finally {
    listener.close();
    await serving;
    for (const conn of conns) {
      try {
        conn.close();
      } catch {
        // Closed already.
      }
    }
  }
}

Deno.test("SlowCrowd counts who is cut, who is told why, and who is served", async () => {
  const treat = async (conn: Deno.Conn) => {
    const bytes = new Uint8Array(1024);
    const read = conn.read(bytes);
    // The silent ones say nothing at all.
    const timer = setTimeout(() => conn.close(), 200);
    const text = new TextDecoder().decode(bytes.subarray(0, await read ?? 0));
    clearTimeout(timer);
    const status = text.startsWith("GET") ? 200 : 408;
    await conn.write(new TextEncoder().encode(`HTTP/1.1 ${status} x\r\n\r\n`));
    conn.close();
  };
  await crowded(treat, async (crowd) => {
    const { drip, body, idle } = await crowd.end();
    assert.ok(drip.opened >= 3 && drip.told === drip.cut && drip.served === 0);
    assert.ok(body.opened >= 2 && body.told === body.cut && body.served === 0);
    assert.ok(idle.cut >= 2 && idle.served >= 1 && idle.told === 0);
    assert.deepEqual([drip.left, body.left, idle.left], [0, 0, 0]);
  });
});

Deno.test("SlowCrowd tells who is there still", async () => {
  const treat = async () => {};
  await crowded(treat, async (crowd) => {
    const { drip, body, idle } = await crowd.end();
    assert.deepEqual([drip.left, body.left, idle.left], [3, 2, 2]);
    assert.equal(drip.cut + body.cut + idle.cut, 0);
  });
});
