import assert from "node:assert/strict";
import { sseData, subscribeSse } from "../testing/event_stream.ts";
import { type Answer, SocketClient } from "../testing/socket_client.ts";
import {
  event,
  serving,
  type TestGateway,
  testGateway,
  testNow,
  until,
} from "../testing/test_gateway.ts";
import { graphqlProtocol } from "./graphql_websocket.ts";

/** Runs `use` with a stream of answers to a subscription, which ends when the client goes away. */
async function streaming(
  query: string,
  use: (next: () => Promise<Answer>, gateway: TestGateway) => Promise<void>,
): Promise<void> {
  const gateway = testGateway();
  await serving(gateway, async (url) => {
    const leave = new AbortController();
    const answers = sseData(await subscribeSse(url, query, leave.signal));
    await until(() => gateway.platform.watchers === 1, "the subscription watches");
    await use(async () => (await answers.next()).value, gateway);
    leave.abort();
    await answers.next().catch(() => {});
    await until(() => gateway.platform.watchers === 0, "the watch ends with the client");
  });
}

Deno.test("playerUpdated streams the player after each change (SSE)", async () => {
  const query = `subscription { playerUpdated(id: "u-1") { id eventsTotal } }`;
  await streaming(query, async (next, { post }) => {
    await post([event({ user_id: "u-2" }), event()]);
    assert.deepEqual(await next(), { data: { playerUpdated: { id: "u-1", eventsTotal: 1 } } });
    await post(event());
    assert.equal((await next()).data.playerUpdated.eventsTotal, 2);
  });
});

Deno.test("eventStream streams the events its filter lets through (SSE)", async () => {
  const query = `subscription { eventStream(filter: { types: ["a"], gameId: "chess" }) {
    id type receivedAt } }`;
  await streaming(query, async (next, { post }) => {
    await post([
      event({ event_id: "1", event_type: "b" }),
      event({ event_id: "2", event_type: "a", game_id: "go" }),
      event({ event_id: "3", event_type: "a" }),
    ]);
    assert.deepEqual((await next()).data.eventStream, {
      id: "3",
      type: "a",
      receivedAt: "2026-01-15T12:00:00.000Z",
    });
  });
});

Deno.test("eventStream tells first what arrived since (SSE)", async () => {
  const gateway = testGateway();
  await gateway.post([event({ event_id: "1" }), event({ event_id: "2" })]);
  const since = new Date(testNow).toISOString();
  const query = `subscription { eventStream(since: "${since}") { id position } }`;
  await serving(gateway, async (url) => {
    const leave = new AbortController();
    const answers = sseData(await subscribeSse(url, query, leave.signal));
    const next = async () => (await answers.next()).value.data.eventStream;
    assert.deepEqual(await next(), { id: "1", position: "0:0" });
    assert.equal((await next()).id, "2");
    await gateway.post(event({ event_id: "3" }));
    assert.equal((await next()).id, "3");
    leave.abort();
    await answers.next().catch(() => {});
    await until(() => gateway.platform.watchers === 0, "the watch ends with the client");
  });
});

Deno.test("eventStream ends with GAP, and from when, where events cannot be told", async () => {
  const gateway = testGateway();
  await serving(gateway, async (url) => {
    const client = await SocketClient.open(url, "/graphql", { protocol: graphqlProtocol });
    await client.ask({ type: "connection_init", payload: { authorization: "Bearer full" } });
    const long = new Date(testNow - 3_600_000).toISOString();
    const subscribe = (id: string, args: string) =>
      client.send({
        id,
        type: "subscribe",
        payload: { query: `subscription { eventStream${args} { id } }` },
      });
    const gapOf = async () => {
      const { type, payload } = await client.answer();
      const errors = type === "next" ? payload.errors : payload;
      if (type === "next") await client.answer();
      return errors[0].extensions;
    };
    subscribe("a", `(since: "${long}")`);
    assert.deepEqual(await gapOf(), { code: "GAP", from: long });
    subscribe("b", "");
    await until(() => gateway.platform.watchers === 1, "the subscription watches");
    gateway.platform.loseEvents();
    assert.equal((await gapOf()).code, "GAP");
    await until(() => gateway.platform.watchers === 0, "the watch ends");
    await client.close();
  });
});

Deno.test("gameUpdated sends the first change at once and the rest as one per period (SSE)", async () => {
  const query = `subscription { gameUpdated(id: "chess", everyMs: 150) { eventsTotal } }`;
  await streaming(query, async (next, { post }) => {
    await post(event());
    assert.equal((await next()).data.gameUpdated.eventsTotal, 1);
    const startedAt = performance.now();
    for (let i = 0; i < 5; i++) await post(event());
    assert.equal((await next()).data.gameUpdated.eventsTotal, 6);
    assert.ok(performance.now() - startedAt > 80, "the second update did not wait for its period");
  });
});

Deno.test("subscriptions check access and arguments before they watch (SSE)", async () => {
  const gateway = testGateway();
  await serving(gateway, async (url) => {
    const { signal } = new AbortController();
    for (const everyMs of [99, 60_001, -1]) {
      const query = `subscription { gameUpdated(id: "chess", everyMs: ${everyMs}) { id } }`;
      const { errors } = (await sseData(await subscribeSse(url, query, signal)).next()).value;
      assert.equal(errors[0].extensions.code, "BAD_USER_INPUT");
    }
  });
  assert.equal(gateway.platform.watchers, 0);
});

/** Runs `use` with a client of graphql-transport-ws. */
async function connected(
  use: (client: SocketClient, gateway: TestGateway) => Promise<void>,
  gateway = testGateway(),
): Promise<void> {
  await serving(gateway, async (url) => {
    const client = await SocketClient.open(url, "/graphql", { protocol: graphqlProtocol });
    try {
      await use(client, gateway);
    } finally {
      await client.close();
    }
    await until(() => gateway.platform.watchers === 0, "the watches end with the socket");
  });
}

async function initialise(client: SocketClient, key = "full"): Promise<void> {
  const payload = { authorization: `Bearer ${key}` };
  const answer = await client.ask({ type: "connection_init", payload });
  assert.equal(answer.type, "connection_ack");
}

const subscribe = (id: string, query: string) => ({ type: "subscribe", id, payload: { query } });

Deno.test("graphql-transport-ws carries subscriptions and queries on one socket", async () => {
  await connected(async (client, { post, platform }) => {
    await initialise(client);
    client.send(subscribe("1", `subscription { playerUpdated(id: "u-1") { eventsTotal } }`));
    await until(() => platform.watchers === 1, "the subscription watches");
    await post(event());
    const next = await client.answer();
    assert.deepEqual(next, {
      id: "1",
      type: "next",
      payload: { data: { playerUpdated: { eventsTotal: 1 } } },
    });
    const queried = await client.ask(subscribe("2", `{ player(id: "u-1") { id } }`));
    assert.deepEqual(queried.payload, { data: { player: { id: "u-1" } } });
    assert.deepEqual(await client.answer(), { id: "2", type: "complete" });
    client.send({ id: "1", type: "complete" });
    await until(() => platform.watchers === 0, "the subscription ends");
    assert.deepEqual(await client.ask({ type: "ping" }), { type: "pong" });
  });
});

Deno.test("graphql-transport-ws refuses wrong keys, silence and operations before init", async () => {
  await connected(async (client) => {
    client.send({ type: "connection_init", payload: { authorization: "Bearer nobody" } });
    assert.equal(await client.closed(), 4403);
  });
  await connected(async (client) => {
    client.send({ type: "connection_init" });
    assert.equal(await client.closed(), 4403);
  });
  await connected(async (client) => {
    client.send(subscribe("1", `{ __typename }`));
    assert.equal(await client.closed(), 4401);
  });
  await connected(async (client) => {
    assert.equal(await client.closed(), 4408);
  }, testGateway({ webSocketAuthMs: 30 }));
});

Deno.test("graphql-transport-ws answers errors as errors and keeps the socket", async () => {
  await connected(async (client, { platform }) => {
    await initialise(client, "writer");
    const fails = async (query: string) => {
      const answer = await client.ask(subscribe("1", query));
      const errors = answer.type === "next" ? answer.payload.errors : answer.payload;
      if (answer.type === "next") assert.equal((await client.answer()).type, "complete");
      return errors[0];
    };
    assert.match((await fails("{ nonsense")).message, /Syntax Error/);
    assert.match((await fails("{ nonsense }")).message, /Cannot query field/);
    const deep = `{ player(id: "u") { ${"x { ".repeat(20)} id ${"} ".repeat(20)} } }`;
    assert.equal((await fails(deep)).extensions.code, "TOO_COMPLEX");
    const forbidden = `subscription { playerUpdated(id: "u-1") { id } }`;
    assert.equal((await fails(forbidden)).extensions.code, "FORBIDDEN");
    assert.equal((await fails(`{ player(id: "u") { id } }`)).extensions.code, "FORBIDDEN");
    assert.deepEqual([platform.watchers, platform.asked], [0, []]);
  });
});

Deno.test("graphql-transport-ws hides why a stream broke", async () => {
  await connected(async (client, { platform, post, logged }) => {
    await initialise(client);
    client.send(subscribe("1", `subscription { playerUpdated(id: "u-1") { id } }`));
    await until(() => platform.watchers === 1, "the subscription watches");
    platform.beforeAsk = () => Promise.reject(new Error("secret"));
    await post(event());
    const { type, payload } = await client.answer();
    assert.deepEqual([type, payload[0].extensions.code], ["error", "INTERNAL_SERVER_ERROR"]);
    assert.ok(!JSON.stringify(payload).includes("secret"));
    assert.match(String(logged[0]!.fields.error), /secret/);
  });
});

Deno.test("graphql-transport-ws is the only protocol that /graphql upgrades to", async () => {
  await serving(testGateway(), async (url) => {
    await assert.rejects(SocketClient.open(url, "/graphql"), /refused/);
    await assert.rejects(SocketClient.open(url, "/graphql", { protocol: "graphql-ws" }), /refused/);
  });
});

Deno.test("graphql-transport-ws closes with 1009 on a message that is too big", async () => {
  await connected(async (client) => {
    client.send("x".repeat(100_000));
    assert.equal(await client.closed(), 1009);
  });
});
