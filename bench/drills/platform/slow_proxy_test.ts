import assert from "node:assert/strict";
import { startSlowProxy } from "./slow_proxy.ts";

/** A server that repeats what it hears, until closed. */
function startEcho() {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const served: Promise<void>[] = [];
  const accepting = (async () => {
    for await (const conn of listener) {
      served.push(conn.readable.pipeTo(conn.writable).catch(() => {}));
    }
  })().catch(() => {});
  const close = async () => {
    listener.close();
    await accepting;
    await Promise.all(served);
  };
  return { port: listener.addr.port, close };
}

const text = new TextDecoder();

async function say(conn: Deno.Conn, words: string): Promise<{ heard: string; ms: number }> {
  const startedAt = performance.now();
  await conn.write(new TextEncoder().encode(words));
  const buffer = new Uint8Array(100);
  const n = await conn.read(buffer);
  return { heard: text.decode(buffer.subarray(0, n ?? 0)), ms: performance.now() - startedAt };
}

Deno.test("startSlowProxy() holds back what clients say, and passes it on unchanged", async () => {
  const echo = startEcho();
  const proxy = startSlowProxy("127.0.0.1", echo.port);
  const conn = await Deno.connect({ hostname: "127.0.0.1", port: proxy.port });
  assert.equal((await say(conn, "at once")).heard, "at once");
  assert.equal(proxy.delayed, 0);
  proxy.delayMs = 80;
  const slow = await say(conn, "later");
  assert.equal(slow.heard, "later");
  assert.ok(slow.ms >= 79, `${slow.ms}`);
  assert.equal(proxy.delayed, 1);
  // A shorter delay must not let later words overtake earlier ones.
  const first = conn.write(new TextEncoder().encode("one,"));
  await first;
  await new Promise((resolve) => setTimeout(resolve, 10));
  proxy.delayMs = 0;
  let heard = (await say(conn, "two")).heard;
  while (heard.length < 7) {
    const buffer = new Uint8Array(100);
    heard += text.decode(buffer.subarray(0, await conn.read(buffer) ?? 0));
  }
  assert.equal(heard, "one,two");
  conn.close();
  await proxy.close();
  await echo.close();
});

Deno.test("startSlowProxy() closes clients when its server is away, or it is closed", async () => {
  const echo = startEcho();
  const proxy = startSlowProxy("127.0.0.1", echo.port);
  const conn = await Deno.connect({ hostname: "127.0.0.1", port: proxy.port });
  assert.equal((await say(conn, "hello")).heard, "hello");
  await proxy.close();
  await echo.close();
  assert.equal(await conn.read(new Uint8Array(1)).catch(() => null), null);
  conn.close();
});
