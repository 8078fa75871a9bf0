import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { SocketClient } from "../../testing/socket_client.ts";
import { event, serving, type TestGateway, testGateway } from "../../testing/test_gateway.ts";
import { graphqlProtocol } from "../graphql_websocket.ts";

const idOf = (text: string) => createHash("sha256").update(text).digest("hex");
const level = `query Level($id: ID!) { player(id: $id) { level } }`;
const id = idOf(level);
const typename = `{ __typename }`;

async function send(
  { app }: TestGateway,
  body: unknown,
  { key = "full", accept = "application/json" } = {},
) {
  const response = await app.request("/graphql", {
    method: "POST",
    headers: { authorization: `Bearer ${key}`, "content-type": "application/json", accept },
    body: typeof body === "string" ? body : JSON.stringify(body),
  });
  const { data, errors } = await response.json();
  return { status: response.status, data, code: errors?.[0].extensions.code, errors };
}

Deno.test("GraphQL over HTTP answers refusals with 400 in its own media type, else with 200", async () => {
  const gateway = testGateway();
  const own = "application/graphql-response+json";
  const refused: [body: object, code: string][] = [
    [{ query: `{ ${"a: b ".repeat(51)} }` }, "TOO_COMPLEX"],
    [{ query: "{" }, "GRAPHQL_PARSE_FAILED"],
    [{ query: "{ nothing }" }, "GRAPHQL_VALIDATION_FAILED"],
    [{ documentId: id }, "PERSISTED_QUERY_NOT_SUPPORTED"],
    [{ query: typename, operationName: "A" }, "OPERATION_RESOLUTION_FAILURE"],
    [{ query: typename, variables: [] }, "BAD_REQUEST"],
  ];
  for (const [body, code] of refused) {
    const plain = await send(gateway, body);
    assert.deepEqual([plain.status, plain.code], [200, code]);
    const told = await send(gateway, body, { accept: own });
    assert.deepEqual([told.status, told.code], [400, code]);
  }
  assert.deepEqual(gateway.platform.asked, []);
  assert.deepEqual(gateway.logged, []);
});

Deno.test("GraphQL over HTTP tells what is no JSON, and what variables are wrong", async () => {
  const gateway = testGateway();
  for (const body of ["{", `{"query":`]) {
    const { status, code } = await send(gateway, body);
    assert.deepEqual([status, code], [400, "BAD_REQUEST"], body);
  }
  const url = `/graphql?query=${encodeURIComponent(typename)}&variables={`;
  const response = await gateway.app.request(url, { headers: { "x-api-key": "full" } });
  assert.equal((await response.json()).errors[0].extensions.code, "BAD_REQUEST");
  const wrong = await send(gateway, { query: level, variables: { id: { a: 1 } } });
  assert.equal(wrong.code, "BAD_USER_INPUT");
  assert.deepEqual(gateway.platform.asked, []);
});

Deno.test("GraphQL runs persisted operations by POST, by GET and over a WebSocket", async () => {
  const persisted = { byId: new Map([[id, level]]), only: true };
  const gateway = testGateway({ graphql: { persisted } });
  await gateway.post(event({ event_type: "level.complete", properties: { level: 3 } }));
  const answer = { player: { level: 3 } };
  const variables = { id: "u-1" };
  const byHash = { persistedQuery: { version: 1, sha256Hash: id } };
  for (const form of [{ documentId: `sha256:${id}` }, { extensions: byHash }, { query: level }]) {
    assert.deepEqual((await send(gateway, { ...form, variables })).data, answer);
  }
  const inUrl = (name: string, value: unknown) => `${name}=${encodeURIComponent(String(value))}`;
  for (
    const form of [
      inUrl("documentId", `sha256:${id}`),
      inUrl("extensions", JSON.stringify(byHash)),
    ]
  ) {
    const url = `/graphql?${form}&${inUrl("variables", JSON.stringify(variables))}`;
    const response = await gateway.app.request(url, { headers: { "x-api-key": "full" } });
    assert.deepEqual(await response.json(), { data: answer });
  }
  assert.equal((await send(gateway, { query: typename })).code, "PERSISTED_OPERATIONS_ONLY");
  await serving(gateway, async (url) => {
    const client = await SocketClient.open(url, "/graphql", { protocol: graphqlProtocol });
    client.send({ type: "connection_init", payload: { authorization: "Bearer full" } });
    assert.equal((await client.answer()).type, "connection_ack");
    client.send({
      type: "subscribe",
      id: "1",
      payload: { extensions: byHash, query: "", variables },
    });
    assert.deepEqual((await client.answer()).payload, { data: answer });
    assert.equal((await client.answer()).type, "complete");
    client.send({ type: "subscribe", id: "2", payload: { query: typename } });
    const { type, payload } = await client.answer();
    assert.deepEqual([type, payload[0].extensions], ["error", {
      code: "PERSISTED_OPERATIONS_ONLY",
    }]);
    await client.close();
  });
});

Deno.test("GraphQL answers TIMEOUT for what takes too long, and TOO_MANY_OPERATIONS beside it", async () => {
  const gateway = testGateway({ graphql: { running: { operationMs: 20, queriesMax: 1 } } });
  await gateway.post(event());
  const { promise, resolve } = Promise.withResolvers<void>();
  gateway.platform.beforeAsk = () => promise;
  const query = `{ player(id: "u-1") { id } }`;
  const late = await send(gateway, { query });
  assert.deepEqual([late.status, late.code], [200, "TIMEOUT"]);
  const own = { accept: "application/graphql-response+json" };
  const refused = await send(gateway, { query }, own);
  assert.deepEqual([refused.status, refused.code], [429, "TOO_MANY_OPERATIONS"]);
  // Another key has places of its own.
  const other = await send(gateway, { query }, { ...own, key: "reader" });
  assert.deepEqual([other.status, other.code], [503, "TIMEOUT"]);
  assert.equal((await send(gateway, { query: typename })).code, "TOO_MANY_OPERATIONS");
  resolve();
  await promise;
  let again = await send(gateway, { query });
  while (again.code === "TOO_MANY_OPERATIONS") again = await send(gateway, { query });
  assert.deepEqual(again.data, { player: { id: "u-1" } });
});

Deno.test("GraphQL keeps names that clients did not name from those who may not read the schema", async () => {
  const gateway = testGateway();
  const query = `query ($f: EventFilter) { events(filter: $f) { edges { cursor } } }`;
  const variables = { f: { gamId: "chess" } };
  const told = await send(gateway, { query, variables }, { key: "reader" });
  assert.equal(told.code, "BAD_USER_INPUT");
  assert.match(told.errors[0].message, /Did you mean "gameId"/);
  const kept = await send(gateway, { query, variables }, { key: "writer" });
  assert.equal(kept.code, "BAD_USER_INPUT");
  assert.ok(!kept.errors[0].message.includes("gameId"));
});
