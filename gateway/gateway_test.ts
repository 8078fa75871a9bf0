import assert from "node:assert/strict";
import { SocketClient } from "./testing/socket_client.ts";
import { event, serving, testGateway, until } from "./testing/test_gateway.ts";

Deno.test("createGateway() answers 404 and 405 as problems", async () => {
  const { app } = testGateway();
  const missing = await app.request("/nowhere", { method: "POST", body: "x" });
  assert.equal(missing.status, 404);
  assert.equal((await missing.json()).code, "not_found");
  const wrong = await app.request("/api/v1/events", { method: "PUT", body: "x" });
  assert.equal(wrong.status, 405);
  assert.equal(wrong.headers.get("allow"), "POST, OPTIONS");
  assert.equal((await wrong.json()).code, "method_not_allowed");
  assert.equal((await app.request("/ws")).status, 426);
});

Deno.test("createGateway() echoes a presentable X-Request-Id and makes one otherwise", async () => {
  const { app, post } = testGateway();
  const live = (id: string) => app.request("/health/live", { headers: { "x-request-id": id } });
  assert.equal((await live("abc-1")).headers.get("x-request-id"), "abc-1");
  assert.equal((await live("not presentable")).headers.get("x-request-id"), "id-1");
  assert.equal((await live("x".repeat(129))).headers.get("x-request-id"), "id-2");
  const accepted = await post(event({ event_id: "e" }));
  assert.equal(accepted.headers.get("x-request-id"), "id-3");
  const problem = await post("{", { "x-request-id": "mine" });
  assert.equal((await problem.json()).request_id, "mine");
});

Deno.test("createGateway() shows nothing of an error inside and logs it", async () => {
  const { app, platform, logged } = testGateway();
  platform.health = () => {
    throw new Error("password is hunter2");
  };
  const response = await app.request("/health/ready");
  assert.equal(response.status, 500);
  const text = await response.text();
  assert.ok(!text.includes("hunter2") && text.includes(`"code":"internal"`));
  assert.match(String(logged[0]!.fields.error), /hunter2/);
});

Deno.test("createGateway() counts requests by route, never by the path a client made up", async () => {
  const seen: string[] = [];
  const metrics = {
    requestDone: (route: string, status: number) => void seen.push(`${route} ${status}`),
    eventsAccepted: (protocol: string, events: number) => void seen.push(`${protocol} ${events}`),
    eventsRejected: (code: string, events: number) => void seen.push(`${code} ${events}`),
    deadLettersLost() {},
    webSockets() {},
    subscriptions() {},
    shed() {},
  };
  const { app, post } = testGateway({ metrics });
  await post([event(), event(), 1]);
  await app.request("/random/1234");
  assert.deepEqual(seen, ["not_an_object 1", "http 2", "/api/v1/events 202", "unknown 404"]);
});

Deno.test("createGateway() is live always and ready when the platform is and it does not drain", async () => {
  const { app, platform, drain } = testGateway();
  assert.equal((await app.request("/health/live")).status, 200);
  assert.equal((await app.request("/health/ready")).status, 200);
  platform.parts = [{ part: "store", ready: false, reason: "starting" }];
  const failing = await app.request("/health/ready");
  assert.equal(failing.status, 503);
  assert.deepEqual((await failing.json()).failing, [{ part: "store" }]);
  platform.parts = [];
  drain();
  const draining = await app.request("/health/ready");
  assert.deepEqual((await draining.json()).failing, [{ part: "gateway" }]);
  assert.equal((await app.request("/health/live")).status, 200);
});

Deno.test("drain() ends event streams and sockets, so that the listener can stop", async () => {
  const gateway = testGateway();
  await serving(gateway, async (url) => {
    const stream = await fetch(`${url}/graphql`, {
      method: "POST",
      headers: {
        authorization: "Bearer full",
        "content-type": "application/json",
        accept: "text/event-stream",
      },
      body: JSON.stringify({ query: `subscription { playerUpdated(id: "u") { id } }` }),
    });
    const socket = await SocketClient.open(url, "/ws", { key: "full" });
    await until(() => gateway.platform.watchers === 1, "the subscription watches");
    gateway.drain();
    assert.equal(await socket.closed(), 1001);
    assert.match(await stream.text(), /event: complete/);
    assert.equal(gateway.platform.watchers, 0);
  });
});
