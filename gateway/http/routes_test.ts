import assert from "node:assert/strict";
import { event, serving, testGateway, testHmac } from "../testing/test_gateway.ts";

const open = (over = {}) => testGateway({ newId: () => crypto.randomUUID(), ...over });

/** What each path is served by, filled in so that it can be asked. */
function served(): Map<string, Set<string>> {
  const found = new Map<string, Set<string>>();
  for (const { path, method } of open().app.routes) {
    if (method === "ALL") continue;
    const filled = path.replaceAll(/:\w+/g, testHmac.id);
    found.set(filled, (found.get(filled) ?? new Set()).add(method));
  }
  return found;
}

/** Every error looks alike. */
async function assertProblem(response: Response, status: number, code: string): Promise<void> {
  const { headers } = response;
  const what = `${response.url} ${response.status}`;
  assert.equal(response.status, status, what);
  assert.equal(headers.get("content-type"), "application/problem+json", what);
  assert.equal(headers.get("cache-control"), "no-store", what);
  assert.equal(headers.get("x-content-type-options"), "nosniff", what);
  assert.equal(headers.get("server"), null, what);
  const body = await response.json();
  assert.deepEqual([body.type, body.status, body.code], ["about:blank", status, code], what);
  assert.equal(body.request_id, headers.get("x-request-id"), what);
  assert.ok(body.title && body.detail, what);
}

const methods = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND", "QUERY", "X-ODD"];

Deno.test("Every wrong method of every route is a problem that says which are right", async () => {
  const paths = served();
  assert.ok(paths.size > 60, `${paths.size} paths`);
  await serving(open(), async (url) => {
    for (const [path, right] of paths) {
      const expected = new Set([...right, ...(right.has("GET") ? ["HEAD"] : [])]);
      for (const method of methods.filter((one) => !expected.has(one))) {
        const response = await fetch(url + path, { method });
        const allow = new Set(response.headers.get("allow")?.split(", "));
        assert.deepEqual(allow, expected, `${method} ${path}`);
        await assertProblem(response, 405, "method_not_allowed");
      }
      if (expected.has("HEAD")) continue;
      const head = await fetch(url + path, { method: "HEAD" });
      assert.deepEqual([head.status, await head.text()], [405, ""], path);
    }
  });
});

Deno.test("Every route refuses who shows no key with a problem, and nothing of our insides", async () => {
  const isOpen = /^\/(health|docs|openapi|ws)/;
  for (const [path, right] of served()) {
    if (isOpen.test(path)) continue;
    for (const method of ["GET", "POST"].filter((one) => right.has(one))) {
      const body = method === "POST" ? '{"batch":[{}],"requests":[{}],"data":[{}]}' : null;
      const target = `${path}?e=se&data=%7B%7D&requests=%5B%7B%7D%5D`;
      const response = await open().app.request(target, { method, body });
      await assertProblem(response, 401, "unauthorized");
    }
  }
});

Deno.test("What breaks inside is a 500 that tells a request id and nothing else, at any route", async () => {
  const broken = () => {
    throw new Error("the password is hunter2");
  };
  for (const [path, right] of served()) {
    const gateway = open({ keys: { resolve: broken, hmac: broken } });
    for (const method of ["GET", "POST"].filter((one) => right.has(one))) {
      const request = new Request(`http://h${path}?app_key=k&e=se&aid=k&data=%7B%7D&api_key=k`, {
        method,
        headers: { authorization: "Bearer k", upgrade: "websocket" },
        ...(method === "POST" ? { body: "{}" } : {}),
      });
      const response = await gateway.fetch(request);
      assert.doesNotMatch(await response.clone().text(), /hunter2|at .*\.ts/, path);
      // GameAnalytics' clients keep their events at an empty 503 alone.
      if (response.status === 503 && response.body === null) continue;
      if (response.status >= 500) await assertProblem(response, 500, "internal");
    }
  }
});

Deno.test("GraphQL: types that are not served are 406 and 415, as problems", async () => {
  const ask = (headers: Record<string, string>, body: string) =>
    open().app.request("/graphql", {
      method: "POST",
      headers: { authorization: "Bearer full", ...headers },
      body,
    });
  const json = { "content-type": "application/json" };
  const query = '{"query":"{__typename}"}';
  await assertProblem(await ask({ ...json, accept: "image/png" }, query), 406, "not_acceptable");
  const text = await ask({ "content-type": "text/csv" }, "a,b");
  await assertProblem(text, 415, "unsupported_media_type");
});

Deno.test("GraphQL: a GET is tagged, private, and 304 while nothing has changed; a POST is not kept", async () => {
  const gateway = open();
  await gateway.post(event({ user_id: "ann" }));
  const path = `/graphql?query=${encodeURIComponent('{ player(id: "ann") { eventsTotal } }')}`;
  const ask = (headers: Record<string, string> = {}, method = "GET") =>
    gateway.app.request(path, { method, headers: { authorization: "Bearer full", ...headers } });
  const first = await ask();
  const tag = first.headers.get("etag")!;
  assert.match(tag, /^W\/"/);
  assert.equal(first.headers.get("cache-control"), "private, no-cache");
  const varies = first.headers.get("vary")!.toLowerCase();
  for (const name of ["authorization", "x-api-key", "accept", "origin", "accept-encoding"]) {
    assert.ok(varies.includes(name), varies);
  }
  assert.match(await first.text(), /"eventsTotal":1/);
  const same = await ask({ "if-none-match": tag });
  assert.deepEqual([same.status, same.body, same.headers.get("etag")], [304, null, tag]);
  const head = await ask({}, "HEAD");
  assert.deepEqual([head.status, head.headers.get("etag"), await head.text()], [200, tag, ""]);
  await gateway.post(event({ user_id: "ann" }));
  const changed = await ask({ "if-none-match": tag });
  assert.equal(changed.status, 200);
  assert.match(await changed.text(), /"eventsTotal":2/);
  const posted = await gateway.app.request("/graphql", {
    method: "POST",
    headers: { authorization: "Bearer full", "content-type": "application/json" },
    body: '{"query":"{__typename}"}',
  });
  await posted.body?.cancel();
  assert.deepEqual(
    [posted.headers.get("cache-control"), posted.headers.get("etag")],
    ["no-store", null],
  );
});

Deno.test("Over a socket reads are packed for who asks, event streams and captures never are", async () => {
  await serving(open(), async (url) => {
    const headers = { authorization: "Bearer full", "accept-encoding": "gzip, br;q=0.5" };
    const document = await fetch(`${url}/openapi.json`, { headers });
    // `fetch` unpacks, and takes the length with it; what was packed it says.
    assert.equal((await document.json()).openapi, "3.1.1");
    assert.match(document.headers.get("vary")!, /accept-encoding/);
    const stream = await fetch(`${url}/graphql`, {
      method: "POST",
      headers: { ...headers, "content-type": "application/json", accept: "text/event-stream" },
      body: '{"query":"{__typename}"}',
    });
    assert.match(await stream.text(), /event: next/);
    // The engine says `none`, which asks proxies not to pack it, either.
    assert.equal(stream.headers.get("content-encoding"), "none");
    assert.equal(stream.headers.get("cache-control"), "no-store");
    const many = Array.from({ length: 100 }, () => ({ event_type: "?" }));
    const captured = await fetch(`${url}/api/v1/events`, {
      method: "POST",
      headers,
      body: JSON.stringify([event(), ...many]),
    });
    assert.ok((await captured.text()).length > 1024);
    assert.equal(captured.headers.get("content-encoding"), null);
  });
});

Deno.test("HSTS is said where it is configured, on good answers and bad ones", async () => {
  for (const path of ["/health/live", "/nowhere"]) {
    const said = await open({ hstsSeconds: 300 }).app.request(path);
    assert.equal(said.headers.get("strict-transport-security"), "max-age=300");
    const silent = await open().app.request(path);
    assert.equal(silent.headers.get("strict-transport-security"), null);
  }
});
