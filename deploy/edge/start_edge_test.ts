import assert from "node:assert/strict";
import { checkEdge, configuration, type Edge, hasHaproxy, startEdge } from "./start_edge.ts";

/** Without haproxy these are shown as skipped. */
const ignore = !await hasHaproxy();

/** A port that is free now. */
function freePort(): number {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  return port;
}

const options = (folder: string, gateway = "127.0.0.1:1") => ({
  folder,
  gateway,
  port: freePort(),
  statsPort: freePort(),
});

async function inFolder(use: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await use(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** haproxy before a server that answers with the headers it got; health checks are answered, too. */
async function edged(
  use: (edge: Edge, seen: () => Headers[]) => Promise<void>,
  env: Readonly<Record<string, string>> = {},
): Promise<void> {
  const seen: Headers[] = [];
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async (request) => {
    await request.body?.cancel();
    if (!request.url.endsWith("/health/ready")) seen.push(request.headers);
    return new Response("ok");
  });
  await inFolder(async (folder) => {
    const edge = await startEdge({ ...options(folder, `127.0.0.1:${server.addr.port}`), env });
    try {
      await use(edge, () => seen);
    } finally {
      await edge.stop();
    }
  });
  await server.shutdown();
}

/** Asks by curl, as a client would; trusts only what the edge shows. */
async function curl(edge: Edge, ...args: string[]): Promise<string> {
  const { stdout, stderr } = await new Deno.Command("curl", {
    args: ["-sS", "--max-time", "10", "--cacert", edge.ca, ...args],
  }).output();
  return new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
}

const status = ["-o", "/dev/null", "-w", "%{http_code} %{http_version}"];

Deno.test({ name: "haproxy takes the configuration without a word", ignore }, async () => {
  await inFolder(async (folder) => {
    assert.equal(await checkEdge(options(folder)), "");
    const env = {
      EDGE_PROXY_BIND: `127.0.0.1:${freePort()}`,
      EDGE_GATEWAY_2: "127.0.0.1:2",
      EDGE_GATEWAY_3: "127.0.0.1:3",
      EDGE_SEND_PROXY: "1",
    };
    assert.equal(await checkEdge({ ...options(folder), env }), "");
    // What it cannot take it says.
    const file = `${folder}/broken.cfg`;
    const text = await Deno.readTextFile(configuration);
    await Deno.writeTextFile(file, text.replace("timeout http-request", "timeout http-requests"));
    assert.match(await checkEdge({ ...options(folder), file }), /http-requests/);
  });
});

Deno.test(
  { name: "The edge speaks HTTP/1.1 and HTTP/2 over TLS 1.3, and nothing older", ignore },
  async () => {
    await edged(async (edge) => {
      assert.equal(await curl(edge, ...status, "--http1.1", edge.url), "200 1.1");
      assert.equal(await curl(edge, ...status, "--http2", edge.url), "200 2");
      assert.match(
        await curl(edge, "--tls-max", "1.2", edge.url),
        /alert protocol version|unsupported protocol/,
      );
    });
  },
);

Deno.test({
  name: "The edge tells the client's address, and nothing that clients say of it",
  ignore,
}, async () => {
  await edged(async (edge, seen) => {
    const spoofed = ["-H", "X-Forwarded-For: 203.0.113.9", "-H", "Forwarded: for=203.0.113.9"];
    assert.equal(await curl(edge, ...spoofed, edge.url), "ok");
    const [headers] = seen();
    assert.equal(headers?.get("x-forwarded-for"), "127.0.0.1");
    assert.equal(headers?.get("forwarded"), null);
  });
});

Deno.test(
  { name: "The edge refuses too much of anything, and what is an operator's", ignore },
  async () => {
    await edged(async (edge, seen) => {
      const many = Array.from({ length: 120 }, (_, i) => ["-H", `X-${i}: a`]).flat();
      const wide = ["-H", `X-Wide: ${"a".repeat(40_000)}`];
      for (
        const [expected, args] of [
          ["400", many],
          ["431", wide],
          ["400", ["-H", "Host: a/b"]],
          ["413", ["-X", "POST", "-H", "Content-Length: 99999999", "-d", "x"]],
          ["404", ["--path-as-is"]],
        ] as const
      ) {
        const path = expected === "404" ? "/admin/tree" : "/";
        const answer = await curl(edge, ...status, "--http1.1", ...args, edge.url + path);
        assert.ok(answer.startsWith(expected), `${args.slice(0, 2).join(" ")}: ${answer}`);
      }
      assert.equal(seen().length, 0);
    });
  },
);

/** A client of whom a load balancer tells the address. @returns the connection, if it was served */
async function balanced(port: number, ca: string, from: string): Promise<Deno.Conn | undefined> {
  const conn = await Deno.connect({ hostname: "127.0.0.1", port });
  const encoder = new TextEncoder();
  try {
    await conn.write(encoder.encode(`PROXY TCP4 ${from} 127.0.0.1 40000 443\r\n`));
    const tls = await Deno.startTls(conn, { hostname: "127.0.0.1", caCerts: [ca] });
    await tls.write(encoder.encode("GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
    const bytes = new Uint8Array(4096);
    const read = await tls.read(bytes) ?? 0;
    if (new TextDecoder().decode(bytes.subarray(0, read)).startsWith("HTTP/1.1 200")) return tls;
    tls.close();
  } catch {
    // Not even spoken to.
  }
  return undefined;
}

Deno.test({
  name: "The edge counts the connections of those for whom a load balancer speaks, not its own",
  ignore,
}, async () => {
  const port = freePort();
  const env = { EDGE_PROXY_BIND: `127.0.0.1:${port}`, EDGE_PER_ADDRESS: "1" };
  await edged(async (edge, seen) => {
    const ca = await Deno.readTextFile(edge.ca);
    const open: Deno.Conn[] = [];
    for (const from of ["198.51.100.1", "198.51.100.2", "198.51.100.3"]) {
      const conn = await balanced(port, ca, from);
      assert.ok(conn, `${from} is served`);
      open.push(conn);
    }
    assert.deepEqual(seen().map((headers) => headers.get("x-forwarded-for")), [
      "198.51.100.1",
      "198.51.100.2",
      "198.51.100.3",
    ]);
    assert.equal(await balanced(port, ca, "198.51.100.2"), undefined);
    // Without a load balancer, as ever.
    const direct = await Deno.connectTls({
      hostname: "127.0.0.1",
      port: Number(new URL(edge.url).port),
      caCerts: [ca],
    });
    assert.match(await curl(edge, edge.url), /curl: \(/);
    direct.close();
    for (const conn of open) conn.close();
  }, env);
});
