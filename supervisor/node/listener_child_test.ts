import assert from "node:assert/strict";
import type { GuardOptions } from "../guard/guard.ts";
import type { Child, StartContext } from "../tree/child.ts";
import { listenerChild } from "./listener_child.ts";

const encoder = new TextEncoder();

/** A listener that answers with the body it got, and a client that speaks to it byte by byte. */
async function start(guard?: GuardOptions) {
  let port = 0;
  const spec = listenerChild({
    id: "test",
    hostname: "127.0.0.1",
    port: 0,
    fetch: async (request) => {
      if (request.body === null) return new Response("empty");
      return new Response(await request.text().catch(() => "broken off"));
    },
    onListen: (p) => port = p,
    guard,
  });
  const listener = await spec.start({} as StartContext) as Child;
  const connect = async () => {
    const conn = await Deno.connect({ hostname: "127.0.0.1", port });
    const read = async () => {
      const bytes = new Uint8Array(4096);
      const n = await conn.read(bytes);
      return n === null ? "" : new TextDecoder().decode(bytes.subarray(0, n));
    };
    return { conn, read, write: (text: string) => conn.write(encoder.encode(text)) };
  };
  return { listener, connect };
}

const head = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n" +
  "Expect: 100-continue\r\n\r\n";

for (const [where, guard] of [["", undefined], [" behind a guard", {}]] as const) {
  Deno.test(`listenerChild() answers a request whose body arrives while it stops${where}`, async () => {
    const { listener, connect } = await start(guard);
    const client = await connect();
    await client.write(head);
    assert.match(await client.read(), /^HTTP\/1\.1 100 /);
    await client.write("01234");
    const stopped = listener.stop();
    const late = await connect();
    await late.write(head);
    const refused = await late.read();
    assert.match(refused, /HTTP\/1\.1 503 /);
    assert.match(refused, /retry-after: 1\r\n/i);
    await late.write("0123456789");
    await client.write("56789");
    assert.match(await client.read(), /^HTTP\/1\.1 200 [^]*\r\n\r\n0123456789$/);
    await stopped;
    assert.deepEqual(await listener.exited, { type: "stopped" });
    client.conn.close();
    late.conn.close();
  });
}

Deno.test("listenerChild() does not wait for a body for ever", async () => {
  const { listener, connect } = await start();
  const client = await connect();
  await client.write(head);
  assert.match(await client.read(), /^HTTP\/1\.1 100 /);
  const startedAt = performance.now();
  const stopped = listener.stop();
  await client.read();
  client.conn.close();
  await stopped;
  assert.ok(performance.now() - startedAt < 3_000);
});
