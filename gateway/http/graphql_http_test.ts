import assert from "node:assert/strict";
import { gzipSync } from "node:zlib";
import { ByteBudget } from "../capture/byte_budget.ts";
import { noLog, noMetrics } from "../deps.ts";
import { createGraphqlServer } from "../graphql/graphql_server.ts";
import { PageBudget } from "../limits/page_budget.ts";
import { Standing } from "../live/standing.ts";
import { Subscriptions } from "../live/subscriptions.ts";
import { Problem } from "../problem.ts";
import { InMemoryPlatform } from "../testing/in_memory_platform.ts";
import { testGateway, testKeys } from "../testing/test_gateway.ts";
import { graphqlHttpHandler } from "./graphql_http.ts";

Deno.test("graphqlHttpHandler() takes gzip, and neither other codings nor bodies that only pretend", async () => {
  const { app } = testGateway();
  const post = async (coding: string, body: Uint8Array<ArrayBuffer>) => {
    const headers = {
      authorization: "Bearer full",
      "content-type": "application/json",
      "content-encoding": coding,
    };
    const answer = await app.request("/graphql", { method: "POST", headers, body });
    return [answer.status, await answer.json()];
  };
  const plain = new TextEncoder().encode(`{"query":"{ __typename }"}`);
  const [status, { data }] = await post("gzip", new Uint8Array(gzipSync(plain)));
  assert.deepEqual([status, data], [200, { __typename: "Query" }]);
  for (
    const [coding, code] of [["gzip", "invalid_gzip"], ["br", "unsupported_encoding"]] as const
  ) {
    assert.equal((await post(coding, plain))[1].code, code);
  }
  const bomb = new Uint8Array(gzipSync(new Uint8Array(1 << 24)));
  assert.deepEqual((await post("gzip", bomb))[0], 413);
});

Deno.test("graphqlHttpHandler() does not wait for a body that never ends", async () => {
  const now = () => 0;
  const budget = new ByteBudget(1 << 20);
  const serve = graphqlHttpHandler({
    keys: testKeys,
    platform: new InMemoryPlatform(now),
    server: createGraphqlServer({ log: noLog }),
    subscriptions: new Subscriptions(noMetrics),
    standing: new Standing({ keys: testKeys, now }),
    budget,
    rates: undefined,
    pageBudget: new PageBudget(),
    now,
    bodyTimes: { bodyMs: 20, bodyBytesPerSecondMin: 1000 },
  });
  let isCancelled = false;
  const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
    start: (controller) => controller.enqueue(new TextEncoder().encode("{")),
    cancel: () => void (isCancelled = true),
  });
  const headers = { authorization: "Bearer full", "content-type": "application/json" };
  const request = new Request("http://gateway/graphql", { method: "POST", headers, body });
  await assert.rejects(serve(request), (problem: Problem) => {
    assert.deepEqual([problem.status, problem.code], [408, "request_timeout"]);
    return true;
  });
  assert.deepEqual([isCancelled, budget.bytesTaken], [true, 0]);
});
