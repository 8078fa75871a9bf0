import assert from "node:assert/strict";
import { principalOf } from "../../schema/principal.ts";
import type { Keys } from "../auth.ts";
import { SocketClient } from "../testing/socket_client.ts";
import { event, serving, testGateway } from "../testing/test_gateway.ts";

const home = "https://play.test";
const foreign = "https://evil.test";
const signing = "0123456789abcdef0123456789abcdef";

const held = principalOf({
  id: "held",
  role: "admin",
  studio: "demo",
  games: ["chess"],
  origins: [home],
});
const free = principalOf({ id: "free", role: "admin", studio: "demo", games: ["chess"] });
const keys: Keys = {
  resolve: (token) => token === "held" ? held : token === "free" ? free : undefined,
  hmac: (id) => id === signing ? { principal: held, secrets: ["secret"] } : undefined,
};

const open = () => testGateway({ keys });

/** Each way in that a key in a header opens. */
const asks: readonly [string, RequestInit][] = [
  ["/api/v1/events", { method: "POST", body: JSON.stringify(event()) }],
  ["/v1/track", {
    method: "POST",
    body: JSON.stringify({ event: "jump", userId: "u", messageId: "m" }),
  }],
  ["/batch/", {
    method: "POST",
    body: JSON.stringify({ batch: [{ event: "jump", distinct_id: "u", uuid: "m" }] }),
  }],
  ["/i?device_id=u&begin_session=1&app_key=K", {}],
  ["/graphql?query={__typename}", {}],
  ["/graphql", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: '{"query":"{__typename}"}',
  }],
];

function send([path, init]: (typeof asks)[number], key: string, origin: string | null) {
  const headers = new Headers(init.headers);
  headers.set("authorization", `Bearer ${key}`);
  if (origin !== null) headers.set("origin", origin);
  return open().app.request(path, { ...init, headers });
}

Deno.test("A key without origins may be used from every page, and its script may read the answer", async () => {
  for (const ask of asks) {
    for (const origin of [home, foreign, "null"]) {
      const { status, headers, body } = await send(ask, "free", origin);
      await body?.cancel();
      assert.ok(status < 300, `${ask[0]} ${status}`);
      assert.ok(["*", origin].includes(headers.get("access-control-allow-origin")!), ask[0]);
      assert.match(headers.get("access-control-expose-headers")!, /x-request-id/);
    }
  }
});

Deno.test("A key held to origins is refused from others, and nothing of it is taken", async () => {
  for (const ask of asks) {
    for (const origin of [foreign, "null", `${home}.evil.test`, `${home}:8443`]) {
      const refused = await send(ask, "held", origin);
      assert.equal(refused.status, 403, ask[0]);
      assert.equal((await refused.json()).code, "origin_forbidden");
      // The page's developer must be able to read why.
      assert.ok(refused.headers.get("access-control-allow-origin"), ask[0]);
    }
    for (const origin of [home, null]) {
      const { status, body } = await send(ask, "held", origin);
      await body?.cancel();
      assert.ok(status < 300, `${ask[0]} ${origin} ${status}`);
    }
  }
  const gateway = open();
  await gateway.app.request("/api/v1/events", {
    method: "POST",
    headers: { authorization: "Bearer held", origin: foreign },
    body: JSON.stringify(event()),
  });
  assert.deepEqual([gateway.platform.stored, gateway.platform.deadLetters], [[], []]);
});

Deno.test("A key that signs is held to its origins, too", async () => {
  const answer = await open().app.request(`/v2/${signing}/events`, {
    method: "POST",
    headers: { origin: foreign, authorization: "x" },
    body: "[]",
  });
  assert.deepEqual([answer.status, (await answer.json()).code], [403, "origin_forbidden"]);
});

Deno.test("Preflights are answered without a key, for two hours", async () => {
  const { app } = open();
  for (const path of ["/api/v1/events", "/graphql", "/v1/batch", "/i/"]) {
    const answer = await app.request(path, {
      method: "OPTIONS",
      headers: {
        origin: foreign,
        "access-control-request-method": "POST",
        "access-control-request-headers": "authorization,content-type",
      },
    });
    assert.equal(answer.status, 204, path);
    const said = (name: string) => answer.headers.get(`access-control-${name}`);
    assert.ok(["*", foreign].includes(said("allow-origin")!), path);
    assert.match(said("allow-methods")!, /POST/);
    assert.equal(said("allow-headers"), "authorization,content-type");
    assert.equal(said("max-age"), "7200");
  }
  const hostile = await app.request("/graphql", {
    method: "OPTIONS",
    headers: { origin: foreign, "access-control-request-headers": "x".repeat(2000) },
  });
  assert.equal(hostile.headers.get("access-control-allow-headers"), null);
});

Deno.test("Only routes for pages speak of origins", async () => {
  const { app } = open();
  const headers = { origin: foreign };
  for (const path of ["/health/live", "/health/ready", "/nowhere"]) {
    const answer = await app.request(path, { headers });
    assert.equal(answer.headers.get("access-control-allow-origin"), null, path);
  }
});

Deno.test("WebSockets hold a key to its origins, whether a header or a message shows it", async () => {
  await serving(open(), async (url) => {
    await assert.rejects(SocketClient.open(url, "/ws", { key: "held", origin: foreign }));
    const late = await SocketClient.open(url, "/ws", { origin: foreign });
    late.send({ type: "auth", token: "held" });
    assert.equal(await late.closed(), 1008);
    const protocol = "graphql-transport-ws";
    const graphql = await SocketClient.open(url, "/graphql", { origin: foreign, protocol });
    graphql.send({ type: "connection_init", payload: { authorization: "Bearer held" } });
    assert.ok([1008, 4403].includes(await graphql.closed()));
    const own = await SocketClient.open(url, "/ws", { origin: home });
    assert.equal((await own.ask({ type: "auth", token: "held" })).type, "authenticated");
    await own.close();
  });
});
