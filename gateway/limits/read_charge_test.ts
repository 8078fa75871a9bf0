import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { limits } from "../../schema/limits.ts";
import { graphqlProtocol } from "../graphql/graphql_websocket.ts";
import { sseData, subscribeSse } from "../testing/event_stream.ts";
import { fillingBuckets } from "../testing/filling_buckets.ts";
import { SocketClient } from "../testing/socket_client.ts";
import { event, serving, testGateway, testNow } from "../testing/test_gateway.ts";
import { RateLimits } from "./rate_limits.ts";
import { readTokens } from "./read_charge.ts";

/** Costs 2,000 for the page and 3 an event. */
const page = (first: number) =>
  `{ events(first: ${first}) { edges { cursor node { id } } pageInfo { endCursor } } }`;
const pageTokens = (first: number) => Math.ceil((2000 + 1 + 3 * first + 2 - 1) / 10);

/** A gateway whose keys have `key` tokens a second, at a clock that stands still. */
function limited(key: number, persisted?: string) {
  const id = createHash("sha256").update(persisted ?? "").digest("hex");
  const graphql = { persisted: { byId: new Map([[id, persisted ?? ""]]), only: false } };
  const rates = new RateLimits(fillingBuckets(() => testNow), {
    key,
    user: 0,
    address: 0,
    global: 0,
  });
  const gateway = testGateway({ rates, ...(persisted === undefined ? {} : { graphql }) });
  const send = async (body: object) =>
    await gateway.app.request("/graphql", {
      method: "POST",
      headers: { authorization: "Bearer full", "content-type": "application/json" },
      body: JSON.stringify(body),
    });
  return { gateway, send, id };
}

const leftOf = ({ headers }: Response) => Number(/;r=(\d+);/.exec(headers.get("ratelimit")!)![1]);

Deno.test("readTokens() is the least for what costs little, and goes by the cost from there", () => {
  const least = limits.rateReadCost;
  assert.deepEqual([0, 1, 100, 101, 2503, 50_000].map(readTokens), [
    least,
    least,
    10,
    11,
    251,
    5000,
  ]);
});

Deno.test("GraphQL reads take tokens by their cost; point reads ten, as before", async () => {
  const { send } = limited(5000);
  const asked: [query: string, tokens: number][] = [
    [`{ __typename }`, 10],
    [`{ player(id: "u-1") { id level eventsTotal revenueMinor stateHash } }`, 10],
    [`{ game(id: "chess") { eventsTotal ccu dau } }`, 10],
    [page(50), pageTokens(50)],
    [page(1000), pageTokens(1000)],
    // What is not let in has paid for the door alone.
    [`{ nothing }`, 10],
    [`{ a: ${page(1).slice(1)}`.repeat(30), 10],
  ];
  let left = 10_000;
  for (const [query, tokens] of asked) {
    const response = await send({ query });
    await response.body?.cancel();
    left -= tokens;
    assert.deepEqual([response.status, leftOf(response)], [200, left], query);
  }
});

Deno.test("GraphQL answers 429 and Retry-After to a read beyond the limit, and asks nothing for it", async () => {
  const { gateway, send } = limited(500);
  const large = { query: page(2) };
  const taken = pageTokens(2);
  for (let left = 1000 - taken; left >= 0; left -= taken) {
    assert.equal(leftOf(await send(large)), left);
  }
  const pages = gateway.platform.pages.length;
  const refused = await send(large);
  const { code } = await refused.json();
  assert.deepEqual([refused.status, code], [429, "rate_limited"]);
  assert.equal(refused.headers.get("content-type"), "application/problem+json");
  assert.equal(refused.headers.get("retry-after"), "1");
  assert.equal(refused.headers.get("ratelimit"), '"key";r=0;t=1');
  assert.equal(gateway.platform.pages.length, pages);
  // By GET as well, and what is small has room still.
  const url = `/graphql?query=${encodeURIComponent(page(2))}`;
  const got = await gateway.app.request(url, { headers: { "x-api-key": "full" } });
  assert.equal(got.status, 429);
  assert.equal((await send({ query: "{ __typename }" })).status, 200);
});

Deno.test("GraphQL lets the largest read through whose bucket is full, however low the rate", async () => {
  const { send } = limited(1);
  const pages = Array.from({ length: 20 }, (_, i) => `p${i}: ${page(1).slice(1, -1)}`);
  const response = await send({ query: `{ ${pages.join(" ")} }` });
  assert.deepEqual([response.status, leftOf(response)], [200, 0]);
  assert.equal((await response.json()).errors, undefined);
});

Deno.test("GraphQL charges a persisted operation by what it asks", async () => {
  const { send, id } = limited(5000, page(100));
  assert.equal(leftOf(await send({ documentId: `sha256:${id}` })), 10_000 - pageTokens(100));
});

Deno.test("GraphQL over a WebSocket charges by cost, and tells RATE_LIMITED", async () => {
  const { gateway } = limited(500);
  await serving(gateway, async (url) => {
    const client = await SocketClient.open(url, "/graphql", { protocol: graphqlProtocol });
    await client.ask({ type: "connection_init", payload: { authorization: "Bearer full" } });
    const ask = async (id: string) => {
      const answer = await client.ask({ id, type: "subscribe", payload: { query: page(1000) } });
      if (answer.type === "next") assert.equal((await client.answer()).type, "complete");
      return answer;
    };
    assert.equal((await ask("1")).type, "next");
    const { type, payload } = await ask("2");
    assert.deepEqual([type, payload[0].extensions.code], ["error", "RATE_LIMITED"]);
    await client.close();
  });
});

Deno.test("eventStream(since:) takes tokens for each page that it reads again", async () => {
  const since = new Date(testNow).toISOString();
  const query = `subscription { eventStream(since: "${since}") { id } }`;
  const { gateway } = limited(1000);
  await gateway.platform.accept(
    Array.from({ length: 2500 }, (_, i) => ({
      ...event(),
      studio: "demo",
      event_id: String(i),
      event_type: "t",
      user_id: "u",
      game_id: "chess",
      timestamp: testNow,
      properties: {},
      context: {},
    })),
  );
  await serving(gateway, async (url) => {
    const told = async () => {
      const leave = new AbortController();
      const response = await subscribeSse(url, query, leave.signal);
      const answers = sseData(response);
      let events = 0;
      for (let next = await answers.next(); !next.done; next = await answers.next()) {
        const { data, errors } = next.value;
        if (errors !== undefined) return { events, left: leftOf(response), errors };
        if (data !== undefined) events++;
        if (events === 2500) break;
      }
      leave.abort();
      await answers.next().catch(() => {});
      return { events, left: leftOf(response), errors: undefined };
    };
    // One page at the door; two more to find the oldest, and two again: 1,000 tokens and some.
    const first = await told();
    assert.deepEqual([first.events, first.left], [2500, 2000 - 201]);
    const second = await told();
    assert.equal(second.left, 2000 - 1001 - 201);
    assert.equal(second.errors[0].extensions.code, "RATE_LIMITED");
    assert.ok(second.events < 2500);
  });
});
