import assert from "node:assert/strict";
import { HttpConnection } from "./http_connection.ts";

/** Serves with `handler` while `use` runs. */
async function withServer(
  handler: (request: Request) => Response | Promise<Response>,
  use: (url: URL, connections: () => number) => Promise<void>,
): Promise<void> {
  const ports = new Set<number>();
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, (request, info) => {
    ports.add(info.remoteAddr.port);
    return handler(request);
  });
  try {
    await use(new URL(`http://127.0.0.1:${server.addr.port}`), () => ports.size);
  } finally {
    await server.shutdown();
  }
}

Deno.test("HttpConnection sends key, type and body, many times over one connection", async () => {
  const seen: string[] = [];
  await withServer(async (request) => {
    const { headers, method, url } = request;
    seen.push(
      `${method} ${new URL(url).pathname} ${headers.get("authorization")} ` +
        `${headers.get("content-type")} ${await request.text()}`,
    );
    return Response.json({ accepted: seen.length }, { status: 202 });
  }, async (url, connections) => {
    const connection = new HttpConnection({ url, key: "secret" });
    assert.deepEqual(await connection.send("[1]"), { status: 202, body: '{"accepted":1}' });
    assert.deepEqual(await connection.send("[2]\n3", true), {
      status: 202,
      body: '{"accepted":2}',
    });
    connection.close();
    assert.equal(connections(), 1);
  });
  assert.deepEqual(seen, [
    "POST /api/v1/events Bearer secret application/json [1]",
    "POST /api/v1/events Bearer secret application/x-ndjson [2]\n3",
  ]);
});

Deno.test("HttpConnection carries large batches and answers", async () => {
  await withServer(
    async (request) => new Response((await request.text()).toUpperCase()),
    async (url) => {
      const connection = new HttpConnection({ url, key: "k" });
      const body = "abcdefgh".repeat(120_000);
      assert.equal((await connection.send(body)).body, body.toUpperCase());
      assert.equal((await connection.send("again")).body, "AGAIN");
      connection.close();
    },
  );
});

Deno.test("HttpConnection reads chunked answers", async () => {
  const chunks = ["one,", "two,".repeat(9000), "three"];
  await withServer(
    () => new Response(ReadableStream.from(chunks.map((c) => new TextEncoder().encode(c)))),
    async (url) => {
      const connection = new HttpConnection({ url, key: "k" });
      for (let i = 0; i < 3; i++) {
        assert.equal((await connection.send("x")).body, chunks.join(""));
      }
      connection.close();
    },
  );
});

Deno.test("HttpConnection tells how long to wait after a 503", async () => {
  await withServer(
    () => new Response("{}", { status: 503, headers: { "Retry-After": "2" } }),
    async (url) => {
      const connection = new HttpConnection({ url, key: "k" });
      assert.deepEqual(await connection.send("x"), { status: 503, body: "{}", retryAfterMs: 2000 });
      connection.close();
    },
  );
});

Deno.test("HttpConnection connects anew after the platform has closed or gone", async () => {
  const listener = Deno.listen({ port: 0, hostname: "127.0.0.1" });
  const url = new URL(`http://127.0.0.1:${(listener.addr as Deno.NetAddr).port}`);
  const server = (async () => {
    const answers = [
      "",
      "HTTP/1.1 202 Accepted\r\nConnection: close\r\nContent-Length: 3\r\n\r\none",
      "HTTP/1.1 202 Accepted\r\nContent-Length: 3\r\n\r\ntwo",
    ];
    for (const answer of answers) {
      using socket = await listener.accept();
      await socket.read(new Uint8Array(4096));
      await socket.write(new TextEncoder().encode(answer));
    }
  })();
  const connection = new HttpConnection({ url, key: "k" });
  await assert.rejects(connection.send("a"));
  assert.equal((await connection.send("b")).body, "one");
  assert.equal((await connection.send("c")).body, "two");
  await server;
  listener.close();
  await assert.rejects(connection.send("d"));
  connection.close();
});

Deno.test("HttpConnection.expire() breaks off what takes too long, and only that", async () => {
  const release = Promise.withResolvers<void>();
  await withServer(async () => {
    await release.promise;
    return new Response("late");
  }, async (url) => {
    const connection = new HttpConnection({ url, key: "k", timeoutMs: 5_000 });
    const answer = connection.send("x");
    const failed = assert.rejects(answer);
    connection.expire(performance.now());
    // Again and again: what is not connected yet has not begun to take too long.
    let isOver = false;
    void failed.finally(() => isOver = true);
    while (!isOver) {
      connection.expire(performance.now() + 6_000);
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    await failed;
    release.resolve();
    assert.equal((await connection.send("y")).body, "late");
    connection.close();
  });
});

Deno.test("HttpConnection refuses text that is not ASCII", async () => {
  await withServer(() => new Response("{}"), async (url) => {
    const connection = new HttpConnection({ url, key: "k" });
    await assert.rejects(connection.send("ä"), RangeError);
  });
});
