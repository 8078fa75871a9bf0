import assert from "node:assert/strict";
import { limits } from "../../schema/limits.ts";
import type { EventPage } from "../../supervisor/platform.ts";
import { Problem } from "../problem.ts";
import { graphqlProtocol } from "../graphql/graphql_websocket.ts";
import { sseData, subscribeSse } from "../testing/event_stream.ts";
import { SocketClient } from "../testing/socket_client.ts";
import { event, serving, testGateway, testNow, until } from "../testing/test_gateway.ts";
import { PageBudget, pageBytesMost, PageLease } from "./page_budget.ts";

const isBusy = (error: unknown) =>
  error instanceof Problem && error.status === 503 &&
  error.options.headers?.["retry-after"] === "1";

const empty: EventPage = { events: [], hasNextPage: false, bytes: 0 };

/** Whether `work` is done once all that is ready has run. */
async function isDone(work: Promise<unknown>): Promise<boolean> {
  let done = false;
  work.then(() => done = true, () => {});
  await new Promise((resolve) => setTimeout(resolve));
  return done;
}

Deno.test("PageBudget.take() waits for room, in order, and is refused in time", async () => {
  const budget = new PageBudget({ bytesMax: 100, waitMs: 30 });
  await budget.take("a", 60);
  await assert.rejects(budget.take("b", 50), isBusy);
  assert.equal(budget.bytesTaken, 60);
  const patient = new PageBudget({ bytesMax: 100, waitMs: 60_000 });
  await patient.take("a", 60);
  const large = patient.take("b", 50);
  const small = patient.take("c", 10);
  assert.equal(await isDone(small), false, "who came later waits, too");
  patient.give("a", 60);
  await Promise.all([large, small]);
  assert.equal(patient.bytesTaken, 60);
});

Deno.test("PageBudget.take() lets others in while one key has used up its share", async () => {
  const budget = new PageBudget({ bytesMax: 100, bytesPerKeyMax: 60, waitMs: 60_000 });
  await budget.take("a", 60);
  const again = budget.take("a", 20);
  await budget.take("b", 40);
  assert.equal(await isDone(again), false);
  budget.give("a", 20);
  await again;
  assert.equal(budget.bytesTaken, 100);
});

Deno.test("PageBudget.take() lets in who needs less once a larger one was refused", async () => {
  const budget = new PageBudget({ bytesMax: 100, waitMs: 50 });
  await budget.take("a", 60);
  const large = budget.take("b", 50);
  large.catch(() => {});
  await new Promise((resolve) => setTimeout(resolve, 20));
  const small = budget.take("c", 40);
  await assert.rejects(large, isBusy);
  await small;
});

Deno.test("PageLease.page() takes the most beforehand and keeps what the page is", async () => {
  const budget = new PageBudget();
  const lease = new PageLease(budget, "a");
  await lease.page(10, () => {
    assert.equal(budget.bytesTaken, pageBytesMost(10));
    return Promise.resolve({ ...empty, bytes: 1000 });
  });
  assert.equal(budget.bytesTaken, 1000);
  await assert.rejects(lease.page(10, () => Promise.reject(new Error("away"))), /away/);
  await lease.page(1, () => Promise.resolve({ ...empty, bytes: 10 }));
  assert.equal(budget.bytesTaken, 1010);
  await lease.page(1, () => {
    lease.end();
    return Promise.resolve({ ...empty, bytes: 10 });
  });
  assert.equal(budget.bytesTaken, 0);
});

Deno.test("pageBytesMost() is that of a full page, or of as many of the largest events", () => {
  const { eventBytesMax, eventFrameBytes, pageBytesMax } = limits;
  assert.equal(pageBytesMost(1), eventBytesMax + eventFrameBytes);
  assert.equal(pageBytesMost(1000), pageBytesMax + eventBytesMax + 1000 * eventFrameBytes);
});

/** A gateway whose budget has room for one page of ten, and whose store waits. */
async function waiting() {
  const pageBudget = new PageBudget({ bytesMax: pageBytesMost(10), waitMs: 20 });
  const gateway = testGateway({ pageBudget });
  await gateway.post([event(), event()]);
  const { promise, resolve } = Promise.withResolvers<void>();
  const events = gateway.platform.events.bind(gateway.platform);
  gateway.platform.events = async (...query) => {
    await promise;
    return await events(...query);
  };
  const ask = async () =>
    await gateway.app.request("/graphql", {
      method: "POST",
      headers: {
        authorization: "Bearer full",
        "content-type": "application/json",
        accept: "application/graphql-response+json",
      },
      body: JSON.stringify({ query: page }),
    });
  return { gateway, pageBudget, resolve, ask };
}

const page = "{ events(first: 10) { edges { node { id properties } } } }";

Deno.test("GraphQL answers 503 and Retry-After where pages have no room, and gives back what it took", async () => {
  const { gateway, pageBudget, resolve, ask } = await waiting();
  const first = ask();
  await until(() => pageBudget.bytesTaken > 0, "a page is being read");
  const refused = await ask();
  const { errors } = await refused.json();
  assert.deepEqual([refused.status, refused.headers.get("retry-after")], [503, "1"]);
  assert.equal(errors[0].extensions.code, "UNAVAILABLE");
  await serving(gateway, async (url) => {
    const client = await SocketClient.open(url, "/graphql", { protocol: graphqlProtocol });
    await client.ask({ type: "connection_init", payload: { authorization: "Bearer full" } });
    const { payload } = await client.ask({ id: "1", type: "subscribe", payload: { query: page } });
    assert.deepEqual(payload.errors[0].extensions, { code: "UNAVAILABLE" });
    await client.close();
  });
  resolve();
  const answer = await first;
  assert.equal((await answer.json()).data.events.edges.length, 2);
  await until(() => pageBudget.bytesTaken === 0, "all is given back");
  assert.equal((await ask()).status, 200);
  assert.deepEqual(gateway.logged, []);
});

Deno.test("eventStream(since:) holds a page while it is told, and nothing afterwards", async () => {
  const pageBudget = new PageBudget();
  const gateway = testGateway({ pageBudget });
  await gateway.post([event({ event_id: "1" }), event({ event_id: "2" })]);
  const since = new Date(testNow).toISOString();
  const query = `subscription { eventStream(since: "${since}") { id } }`;
  await serving(gateway, async (url) => {
    const leave = new AbortController();
    const answers = sseData(await subscribeSse(url, query, leave.signal));
    for (const id of ["1", "2"]) {
      assert.equal((await answers.next()).value.data.eventStream.id, id);
    }
    await until(() => pageBudget.bytesTaken === 0, "the page is told");
    leave.abort();
    await answers.next().catch(() => {});
    await until(() => gateway.platform.watchers === 0, "the watch ends with the client");
  });
});
