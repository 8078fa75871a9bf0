import assert from "node:assert/strict";
import { WsConnection } from "./ws_connection.ts";

type Message = { type: string; id: number; token?: string; events?: unknown[] };

/** A platform that answers each `events` message with what `answer` makes of it; `null` hangs up. */
async function withPlatform(
  answer: (message: Message) => unknown,
  use: (url: URL) => Promise<void>,
): Promise<void> {
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, (request) => {
    const { socket, response } = Deno.upgradeWebSocket(request);
    let token: string | undefined;
    socket.onmessage = ({ data }) => {
      const message = JSON.parse(data) as Message;
      if (message.type === "auth") {
        token = message.token;
        return;
      }
      const reply = token === "secret" ? answer(message) : null;
      if (reply === null) socket.close(1011, "gone");
      else if (reply !== undefined) socket.send(JSON.stringify(reply));
    };
    return response;
  });
  try {
    await use(new URL(`http://127.0.0.1:${server.addr.port}`));
  } finally {
    await server.shutdown();
  }
}

Deno.test("WsConnection authenticates, then gets an ack for each batch", async () => {
  await withPlatform(
    ({ id, events }) => ({ type: "ack", id, accepted: events!.length, rejected: [] }),
    async (url) => {
      const connection = new WsConnection({ url, key: "secret" });
      for (const n of [1, 2]) {
        const answer = await connection.send(JSON.stringify(new Array(n).fill({})));
        assert.equal(answer.status, 202);
        assert.deepEqual(JSON.parse(answer.body), {
          type: "ack",
          id: n,
          accepted: n,
          rejected: [],
        });
      }
      connection.close();
    },
  );
});

Deno.test("WsConnection answers 400 when nothing was accepted, 503 when it may send again", async () => {
  await withPlatform(
    ({ id, events }) =>
      events!.length === 0
        ? { type: "error", id, code: "unavailable", retry_after: 0.04 }
        : { type: "ack", id, accepted: 0, rejected: [{ index: 0, code: "not_an_object" }] },
    async (url) => {
      const connection = new WsConnection({ url, key: "secret" });
      assert.equal((await connection.send("[1]")).status, 400);
      const { status, retryAfterMs } = await connection.send("[]");
      assert.deepEqual({ status, retryAfterMs }, { status: 503, retryAfterMs: 40 });
      connection.close();
    },
  );
});

Deno.test("WsConnection passes on that the key may not write", async () => {
  await withPlatform(({ id }) => ({ type: "error", id, code: "forbidden" }), async (url) => {
    const connection = new WsConnection({ url, key: "secret" });
    assert.equal((await connection.send("[1]")).status, 403);
    connection.close();
  });
});

Deno.test("WsConnection fails when the platform hangs up, and connects anew", async () => {
  let calls = 0;
  await withPlatform(
    ({ id }) => calls++ === 0 ? null : { type: "ack", id, accepted: 1, rejected: [] },
    async (url) => {
      const connection = new WsConnection({ url, key: "secret" });
      await assert.rejects(connection.send("[1]"), /closed/);
      assert.equal((await connection.send("[1]")).status, 202);
      connection.close();
    },
  );
});

Deno.test("WsConnection.expire() breaks off what takes too long", async () => {
  const asked = Promise.withResolvers<void>();
  await withPlatform(() => asked.resolve(), async (url) => {
    const connection = new WsConnection({ url, key: "secret", timeoutMs: 5_000 });
    const failed = assert.rejects(connection.send("[1]"));
    await asked.promise;
    connection.expire(performance.now() + 6_000);
    await failed;
  });
});
