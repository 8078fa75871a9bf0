import assert from "node:assert/strict";
import { InvalidInput, OutcomeUnknown, Unavailable } from "../../schema/errors.ts";
import { actor, assertProblem, letter, open, row, shard, token } from "./testing/admin_world.ts";

Deno.test("createAdminApp() serves health and metrics without a token and without audit", async () => {
  const { request, audits } = open();
  const live = await request("/health/live", {}, null);
  assert.deepEqual([live.status, await live.json()], [200, { status: "live" }]);
  const ready = await request("/health/ready", {}, null);
  assert.deepEqual([ready.status, await ready.json()], [
    200,
    { status: "ready", failing: [], parts: ["log"] },
  ]);
  const metrics = await request("/metrics", {}, null);
  assert.equal(await metrics.text(), "gamemetrics_up 1\n");
  assert.match(metrics.headers.get("content-type")!, /^text\/plain; version=0\.0\.4/);
  assert.deepEqual(audits, []);
});

Deno.test("GET /health/ready answers 503 and names the failing parts", async () => {
  const ready = () => [
    { part: "log", ready: true, degraded: "slow" },
    { part: "store", ready: false, reason: "down" },
  ];
  const response = await open({ ready }).request("/health/ready", {}, null);
  assert.deepEqual([response.status, await response.json()], [503, {
    status: "not_ready",
    failing: [{ part: "store", reason: "down" }],
    degraded: [{ part: "log", reason: "slow" }],
    parts: ["log", "store"],
  }]);
});

Deno.test("createAdminApp() refuses every /admin call without the token, and audits it", async () => {
  const { request, audits, calls } = open();
  const calledWith = [null, "", "wrong", `${token}r`, token.slice(1)];
  const paths: [string, string][] = [
    ["GET", "/admin/tree"],
    ["GET", "/admin/shards"],
    ["GET", "/admin/actors/player/st%2Fu"],
    ["GET", "/admin/dlq"],
    ["GET", "/admin/dlq/0:7"],
    ["POST", "/admin/dlq/0:7/replay"],
    ["POST", "/admin/drain"],
    ["GET", "/admin/nothing"],
    ["DELETE", "/admin/tree"],
  ];
  for (const [method, path] of paths) {
    for (const shown of calledWith) {
      const response = await request(path, { method }, shown);
      await assertProblem(response, 401, "unauthorized");
      assert.equal(response.headers.get("www-authenticate"), "Bearer");
    }
  }
  assert.deepEqual(calls, []);
  assert.equal(audits.length, paths.length * calledWith.length);
  assert.ok(audits.every(({ status }) => status === 401));
});

Deno.test("createAdminApp() audits method, target, status and duration of each call", async () => {
  const { request, post, audits } = open();
  await request("/admin/actors/player/st%2Fu?as_of=2026-01-01T00:00:00Z");
  await post("/admin/drain");
  await request("/admin/nothing");
  const all = audits.map(({ call: _, ...entry }) => entry);
  const common = { duration_ms: 1, remote: "192.0.2.1" };
  assert.deepEqual(all, [
    {
      at: "1970-01-01T00:00:00.001Z",
      method: "GET",
      target: "/admin/actors/player/st%2Fu?as_of=2026-01-01T00:00:00Z",
      status: 200,
      ...common,
    },
    {
      at: "1970-01-01T00:00:00.003Z",
      method: "POST",
      target: "/admin/drain",
      status: 202,
      ...common,
    },
    {
      at: "1970-01-01T00:00:00.005Z",
      method: "GET",
      target: "/admin/nothing",
      status: 404,
      ...common,
    },
  ]);
  assert.equal(new Set(audits.map(({ call }) => call)).size, 3);
});

Deno.test("createAdminApp() audits no secret, no body, and no endless target", async () => {
  const { request, audits } = open();
  await request("/admin/tree?x=1&access_token=s3cret");
  await request(`/admin/tree?x=${"y".repeat(5000)}`);
  await request("/admin/dlq/0:7/replay", { method: "POST", body: '{"email":"body@b.c"}' });
  assert.equal(audits[0]!.target, "/admin/tree?x=1&access_token=%5Bredacted%5D");
  assert.equal(audits[1]!.target.length, 2048);
  const text = JSON.stringify(audits);
  for (const secret of ["s3cret", "body@b.c", token]) assert.ok(!text.includes(secret), secret);
});

Deno.test("createAdminApp() names the call in its answer as in the audit trail", async () => {
  const { post, request, audits, calls } = open();
  const response = await post("/admin/dlq/0:7/replay");
  assert.equal(response.headers.get("x-call-id"), audits[0]!.call);
  assert.deepEqual(calls, [["replay", "0:7", audits[0]!.call, undefined]]);
  const refused = await request("/admin/tree", {}, "wrong");
  assert.equal(refused.headers.get("x-call-id"), audits[1]!.call);
});

Deno.test("GET /admin/tree gives the root, GET /admin/shards all rows", async () => {
  const { request } = open();
  const tree = await (await request("/admin/tree")).json();
  assert.deepEqual([tree.id, tree.type, tree.status], ["platform", "supervisor", "running"]);
  assert.deepEqual(await (await request("/admin/shards")).json(), [shard]);
});

Deno.test("GET /admin/actors/{kind}/{id} decodes the id, whatever it holds", async () => {
  for (const id of ["st/u", "st/a b", "st/50%", "st/%2F", "st/ü/?#&", "st/a%20b", "st/.."]) {
    const { request, calls } = open();
    const response = await request(`/admin/actors/player/${encodeURIComponent(id)}`);
    assert.equal(response.status, 200, id);
    assert.deepEqual(calls, [["player", id, undefined]]);
    const { state: _, ...shown } = await response.json();
    const { state: __, ...expected } = { ...actor, id };
    assert.deepEqual(shown, expected);
  }
});

Deno.test("GET /admin/actors/{kind}/{id} passes as_of on as a time or an offset", async () => {
  const { request, calls } = open();
  await request("/admin/actors/game/st%2Fg?as_of=2026-01-01T01:00:00%2B01:00");
  await request("/admin/actors/player/st%2Fu?as_of=3:17");
  assert.deepEqual(calls, [
    ["game", "st/g", { receivedAt: Date.UTC(2026, 0, 1) }],
    ["player", "st/u", { partition: 3, offset: 17 }],
  ]);
  const wrong = await request("/admin/actors/game/st%2Fg?as_of=yesterday");
  await assertProblem(wrong, 400, "invalid_timestamp");
  await assertProblem(
    await request("/admin/actors/game/st%2Fg?as_of="),
    400,
    "invalid_timestamp",
  );
});

Deno.test("GET /admin/actors/{kind}/{id} answers 404 for unknown actors and kinds", async () => {
  const { request } = open();
  await assertProblem(await request("/admin/actors/player/st%2Fnobody"), 404, "unknown_actor");
  await assertProblem(await request("/admin/actors/wizard/st%2Fu"), 404, "not_found");
});

Deno.test("GET /admin/dlq passes cursor and limit on", async () => {
  const { request, calls } = open();
  const page = await (await request("/admin/dlq?cursor=9-9-9&limit=7")).json();
  assert.deepEqual(page, { items: [row], next_cursor: "1-2-3" });
  await request("/admin/dlq");
  assert.deepEqual(calls, [["9-9-9", 7], [undefined, 50]]);
  for (const limit of ["0", "101", "1.5", "x"]) {
    await assertProblem(await request(`/admin/dlq?limit=${limit}`), 400, "invalid_field");
  }
});

Deno.test("GET /admin/dlq/{id} gives the letter or 404", async () => {
  const { request } = open();
  assert.deepEqual(await (await request("/admin/dlq/0:7?reveal=true")).json(), letter);
  await assertProblem(await request("/admin/dlq/0:8"), 404, "unknown_letter");
});

Deno.test("POST /admin/dlq/{id}/replay replays as it is or as edited", async () => {
  const { post, calls } = open();
  const response = await post("/admin/dlq/0:7/replay");
  assert.equal(response.status, 202);
  assert.equal((await response.json()).event_id, "e");
  await post("/admin/dlq/0:7/replay", '{"user_id":"ü"}');
  const asked = calls.map(([, id, , edited]) => [id, edited]);
  assert.deepEqual(asked, [["0:7", undefined], ["0:7", { user_id: "ü" }]]);
  await assertProblem(await post("/admin/dlq/0:8/replay"), 404, "unknown_letter");
});

Deno.test("POST /admin/dlq/{id}/replay refuses a body that is not JSON or too large", async () => {
  const { post, calls } = open();
  const path = "/admin/dlq/0:7/replay";
  await assertProblem(await post(path, "{"), 400, "invalid_json");
  await assertProblem(await post(path, new Uint8Array([0x22, 0xff, 0x22])), 400, "invalid_json");
  await assertProblem(await post(path, " ".repeat(200_000)), 413, "too_large");
  assert.deepEqual(calls, []);
});

Deno.test("POST /admin/drain begins the drain", async () => {
  const { post, calls } = open();
  const response = await post("/admin/drain");
  assert.deepEqual([response.status, await response.json()], [202, { status: "draining" }]);
  assert.deepEqual(calls, [["drain"]]);
});

Deno.test("createAdminApp() answers 405 and 404 as problems", async () => {
  const { request, post } = open();
  const response = await post("/admin/tree");
  await assertProblem(response, 405, "method_not_allowed");
  assert.equal(response.headers.get("allow"), "GET, HEAD");
  await assertProblem(await request("/admin/drain"), 405, "method_not_allowed");
  await assertProblem(
    await request("/admin/dlq/0:7", { method: "PUT" }),
    405,
    "method_not_allowed",
  );
  await assertProblem(await post("/metrics"), 405, "method_not_allowed");
  await assertProblem(await request("/"), 404, "not_found");
  assert.equal((await request("/admin/tree", { method: "HEAD" })).status, 200);
});

Deno.test("createAdminApp() maps errors by class and shows none of our own", async () => {
  const cases: [Error, number, string][] = [
    [new InvalidInput("invalid_cursor", "bad cursor"), 400, "invalid_cursor"],
    [new InvalidInput("not_replayable", "no event"), 409, "not_replayable"],
    [new InvalidInput("discarded", "gone"), 409, "discarded"],
    [new Unavailable("log", "log away"), 503, "unavailable"],
    [new OutcomeUnknown("log", "who knows"), 503, "outcome_unknown"],
    [new TypeError("secret detail"), 500, "internal"],
  ];
  for (const [error, status, code] of cases) {
    const { request, audits, lines } = open({ dlqList: () => Promise.reject(error) });
    const response = await request("/admin/dlq");
    const detail = await assertProblem(response, status, code);
    assert.equal(response.headers.get("retry-after"), status === 503 ? "1" : null);
    assert.equal(detail.includes(error.message), status !== 500);
    assert.equal(lines.length, status === 500 ? 1 : 0);
    assert.equal(audits[0]?.status, status);
  }
});
