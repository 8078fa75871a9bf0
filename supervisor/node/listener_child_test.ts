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

/** A listener that may have few descriptors, in a process of its own. */
function startScarce(...args: readonly string[]) {
  const program = new URL("../testing/scarce_listener.ts", import.meta.url).pathname;
  const child = new Deno.Command("sh", {
    args: [
      ...["-c", 'ulimit -n 64 && exec "$@"', "sh"],
      ...[Deno.execPath(), "run", "-A", "--no-check", program, ...args],
    ],
    // Its background look for updates would take descriptors, too.
    env: { DENO_NO_UPDATE_CHECK: "1" },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  let output = "";
  const read = async (stream: ReadableStream<Uint8Array>) => {
    const decoder = new TextDecoder();
    for await (const bytes of stream) output += decoder.decode(bytes, { stream: true });
  };
  const reading = [read(child.stdout), read(child.stderr)];
  const input = child.stdin.getWriter();
  const says = async (what: RegExp) => {
    const deadline = performance.now() + 30_000;
    while (performance.now() < deadline) {
      const found = what.exec(output);
      if (found !== null) return found;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    throw new Error(`It does not say ${what}: ${output}`);
  };
  const tell = (line: string) => input.write(encoder.encode(`${line}\n`));
  const end = async () => {
    await input.close();
    await Promise.all([...reading, child.status]);
  };
  return { says, tell, end };
}

/** Asks until it is answered, each time on a connection of its own. */
async function answered(port: number): Promise<string> {
  const deadline = performance.now() + 30_000;
  while (performance.now() < deadline) {
    try {
      const signal = AbortSignal.timeout(1_000);
      const headers = { connection: "close" };
      return await (await fetch(`http://127.0.0.1:${port}/`, { signal, headers })).text();
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
  throw new Error("Nobody answers");
}

for (const [where, ...args] of [[""], [" behind a guard", "guard"]]) {
  Deno.test(`listenerChild() serves again when there are descriptors again${where}`, async () => {
    const scarce = startScarce(...args);
    const port = Number((await scarce.says(/^port (\d+)$/m))[1]);
    await scarce.tell("fill");
    await scarce.says(/^filled$/m);
    // It waits to be taken; a server that ends meanwhile resets it.
    const waiting = await Deno.connect({ hostname: "127.0.0.1", port }).catch(() => undefined);
    // Without a guard the server itself ends, and says so, or listens already with one that the runtime
    // has given back; the guard merely takes nobody.
    if (args.length === 0) await scarce.says(/Out of descriptors|^filled\s+port/m);
    else {
      const asked = fetch(`http://127.0.0.1:${port}/`, { signal: AbortSignal.timeout(500) });
      await assert.rejects(asked, "nobody is served meanwhile");
    }
    await scarce.tell("release");
    assert.equal(await answered(port), "here");
    waiting?.close();
    await scarce.end();
  });
}

Deno.test("listenerChild() that is not to be patient fails without descriptors", async () => {
  const scarce = startScarce("impatient");
  const port = Number((await scarce.says(/^port (\d+)$/m))[1]);
  await scarce.tell("fill");
  await scarce.says(/^filled$/m);
  const waiting = await Deno.connect({ hostname: "127.0.0.1", port }).catch(() => undefined);
  await scarce.says(/^ended failed$/m);
  waiting?.close();
  await scarce.end();
});

Deno.test("listenerChild() leaves nothing behind when its guard's port is taken", async () => {
  const taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const served: number[] = [];
  const spec = listenerChild({
    id: "test",
    hostname: "127.0.0.1",
    port: taken.addr.port,
    fetch: () => new Response("here"),
    onListen: () => {},
    onServe: (port) => void served.push(port),
    guard: {},
  });
  assert.throws(() => spec.start({} as StartContext), Deno.errors.AddrInUse);
  taken.close();
  const listener = await spec.start({} as StartContext) as Child;
  assert.equal(await answered(taken.addr.port), "here");
  assert.equal(served.length, 2);
  const gone = Deno.connect({ hostname: "127.0.0.1", port: served[0]! });
  await assert.rejects(gone, Deno.errors.ConnectionRefused);
  await listener.stop();
});
