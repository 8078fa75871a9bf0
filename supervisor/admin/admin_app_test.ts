import assert from "node:assert/strict";
import { InvalidInput, OutcomeUnknown, Unavailable } from "../../schema/errors.ts";
import { createLogger } from "../observability/logger.ts";
import { type AuditEntry, createAdminApp } from "./admin_app.ts";
import type {
  ActorView,
  AdminPlatform,
  DeadLetterRow,
  DeadLetterView,
  ShardRow,
} from "./admin_platform.ts";

const token = "correct horse";

const shard: ShardRow = {
  stage: "player",
  partition: 3,
  node: "node-0",
  worker: "worker-1",
  epoch: 2,
  next_offset: 10,
  end_offset: 12,
  lag: 2,
  actors: 5,
  mailbox: 1,
  state: "running",
  snapshot_age_ms: 9,
};

const actor: ActorView = {
  kind: "player",
  id: "",
  version: "3:9",
  hash: "00ff",
  bytes: 100,
  live: true,
  state: { level: 4 },
  cost: null,
  recent_effects: [],
};

const row: DeadLetterRow = {
  id: "0:7",
  parked_at: "2026-01-01T00:00:00.000Z",
  studio: "st",
  source: "player",
  code: "poison",
  message: "no",
  path: null,
  actor_id: "st/u",
  event_type: "purchase",
  replayable: true,
};

const letter: DeadLetterView = { ...row, payload: "{}", event: null, actor: null };

/** The app over a platform that answers with the fixtures and records what it was asked. */
function open(more: Partial<AdminPlatform> = {}) {
  const calls: unknown[][] = [];
  const audits: AuditEntry[] = [];
  const lines: string[] = [];
  const platform: AdminPlatform = {
    tree: () => ({
      id: "platform",
      type: "supervisor",
      strategy: "one_for_one",
      status: "running",
      since: "2026-01-01T00:00:00.000Z",
      restarts: 0,
      last_error: null,
      children: [],
    }),
    shards: () => Promise.resolve([shard]),
    actor: (kind, id, asOf) => {
      calls.push([kind, id, asOf]);
      return Promise.resolve(id.endsWith("nobody") ? null : { ...actor, kind, id });
    },
    dlqList: (cursor, limit) => {
      calls.push([cursor, limit]);
      return Promise.resolve({ items: [row], next_cursor: "1-2-3" });
    },
    dlqGet: (id) => Promise.resolve(id === letter.id ? letter : null),
    dlqReplay: (id, edited) => {
      calls.push([id, edited]);
      const replay = { id, event_id: "e", topic: "player.events.raw", partition: 1 };
      return Promise.resolve(id === letter.id ? replay : null);
    },
    drain: () => void calls.push(["drain"]),
    ready: () => [{ part: "log", ready: true }],
    metrics: () => Promise.resolve("gamemetrics_up 1\n"),
    ...more,
  };
  let nowMs = 0;
  const app = createAdminApp({
    platform,
    token,
    audit: (entry) => audits.push(entry),
    now: () => nowMs++,
    log: createLogger({ write: (line) => lines.push(line), level: () => "info" }),
  });
  const request = (path: string, init: RequestInit = {}, shown: string | null = token) =>
    app.request(path, {
      ...init,
      headers: shown === null ? {} : { authorization: `Bearer ${shown}` },
    });
  const post = (path: string, body: BodyInit | null = null) =>
    request(path, { method: "POST", body });
  return { request, post, calls, audits, lines };
}

async function assertProblem(response: Response, status: number, code: string): Promise<string> {
  assert.equal(response.status, status);
  assert.equal(response.headers.get("content-type"), "application/problem+json");
  const body = await response.json();
  assert.deepEqual([body.status, body.code], [status, code]);
  assert.equal(typeof body.title, "string");
  return body.detail;
}

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
  const ready =
    () => [{ part: "log", ready: true }, { part: "store", ready: false, reason: "down" }];
  const response = await open({ ready }).request("/health/ready", {}, null);
  assert.deepEqual([response.status, await response.json()], [503, {
    status: "not_ready",
    failing: [{ part: "store", reason: "down" }],
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
  assert.deepEqual(audits, [
    {
      at: "1970-01-01T00:00:00.001Z",
      method: "GET",
      target: "/admin/actors/player/st%2Fu?as_of=2026-01-01T00:00:00Z",
      status: 200,
      duration_ms: 1,
    },
    {
      at: "1970-01-01T00:00:00.003Z",
      method: "POST",
      target: "/admin/drain",
      status: 202,
      duration_ms: 1,
    },
    {
      at: "1970-01-01T00:00:00.005Z",
      method: "GET",
      target: "/admin/nothing",
      status: 404,
      duration_ms: 1,
    },
  ]);
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
    assert.deepEqual(await response.json(), { ...actor, id });
  }
});

Deno.test("GET /admin/actors/{kind}/{id} passes as_of on as milliseconds", async () => {
  const { request, calls } = open();
  await request("/admin/actors/game/st%2Fg?as_of=2026-01-01T01:00:00%2B01:00");
  assert.deepEqual(calls, [["game", "st/g", Date.UTC(2026, 0, 1)]]);
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
  assert.deepEqual(await (await request("/admin/dlq/0:7")).json(), letter);
  await assertProblem(await request("/admin/dlq/0:8"), 404, "unknown_letter");
});

Deno.test("POST /admin/dlq/{id}/replay replays as it is or as edited", async () => {
  const { post, calls } = open();
  const response = await post("/admin/dlq/0:7/replay");
  assert.equal(response.status, 202);
  assert.equal((await response.json()).event_id, "e");
  await post("/admin/dlq/0:7/replay", '{"user_id":"ü"}');
  assert.deepEqual(calls, [["0:7", undefined], ["0:7", { user_id: "ü" }]]);
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
  assert.equal(response.headers.get("allow"), "GET");
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
