import assert from "node:assert/strict";
import { InvalidInput, OutcomeUnknown, Unavailable } from "../../schema/errors.ts";
import { createLogger, type LogLevel } from "../observability/logger.ts";
import { createAdminApp } from "./admin_app.ts";
import type {
  ActorRow,
  ActorView,
  AdminPlatform,
  AuditRow,
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
  state: { level: 4, e_mail: "a@b.c", deep: [{ IP: 1, ip: null }] },
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
  replayed: null,
};

const letter: DeadLetterView = {
  ...row,
  payload: '{"email":"a@b.c","level":3}',
  event: null,
  actor: { id: "st/u", state: [["", { Name: "Ann" }]], position: "0:1", version: 1 },
  discarded: null,
};

const cost = {
  since: "1970-01-01T00:00:00.000Z",
  events: 1,
  cpu_us: 2,
  event_bytes: 3,
  effects: 4,
};
const listed: ActorRow = {
  kind: "player",
  id: "st/u",
  partition: 3,
  worker: "worker-1",
  bytes: 100,
  mailbox: 0,
  cost,
  share: 0.5,
};

/** The app over a platform that answers with the fixtures and records what it was asked. */
function open(more: Partial<AdminPlatform> = {}) {
  const calls: unknown[][] = [];
  const audits: AuditRow[] = [];
  const lines: string[] = [];
  let level: LogLevel = "info";
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
    dlqReplay: (id, call, edited) => {
      calls.push(["replay", id, call, edited]);
      const replay = { id, event_id: "e", topic: "player.events.raw", partition: 1 };
      return Promise.resolve(id === letter.id ? replay : null);
    },
    dlqReplayMany: (filter, options, call) => {
      calls.push(["replayMany", filter, options, call]);
      const skipped = { not_replayable: 0, replayed_before: 0 };
      return Promise.resolve({ sent: 2, skipped, next_cursor: null });
    },
    dlqDiscard: (id, call) => {
      const discarded = { at: "1970-01-01T00:00:00.000Z", call };
      return Promise.resolve(id === letter.id ? { ...letter, discarded } : null);
    },
    actors: (kind, sort, limit) => {
      calls.push(["actors", kind, sort, limit]);
      return Promise.resolve([listed]);
    },
    actActor: (kind, id, action) => {
      calls.push([action, kind, id]);
      return Promise.resolve(true);
    },
    actShard: (stage, partition, action) => {
      calls.push([action, stage, partition]);
      return Promise.resolve(partition === 3 ? shard : null);
    },
    audit: (cursor, limit) => {
      calls.push(["audit", cursor, limit]);
      return Promise.resolve({ items: [], next_cursor: null });
    },
    logLevel: () => level,
    setLogLevel: (to) => void (level = to),
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
    redactFields: ["email", "name", "ip"],
    now: () => nowMs++,
    log: createLogger({ write: (line) => lines.push(line), level: () => "info" }),
  });
  const request = (path: string, init: RequestInit = {}, shown: string | null = token) =>
    app.request(path, {
      ...init,
      headers: shown === null ? {} : { authorization: `Bearer ${shown}` },
    }, { remote: "192.0.2.1" });
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

Deno.test("Personal data is masked in answers, and shown with reveal=true, which is audited", async () => {
  const { request, audits } = open();
  const state = async (query: string) =>
    (await (await request(`/admin/actors/player/st%2Fu${query}`)).json()).state;
  assert.deepEqual(await state(""), {
    level: 4,
    e_mail: "[redacted]",
    deep: [{ IP: "[redacted]", ip: null }],
  });
  assert.deepEqual(await state("?reveal=true"), actor.state);
  assert.match(audits[1]!.target, /\?reveal=true$/);
  const shown = await (await request("/admin/dlq/0:7")).json();
  assert.equal(shown.payload, '{"email":"[redacted]","level":3}');
  assert.deepEqual(shown.actor.state, [["", { Name: "[redacted]" }]]);
  const wrong = await request("/admin/dlq/0:7?reveal=1");
  const detail = await assertProblem(wrong, 400, "invalid_field");
  assert.equal(detail, 'reveal must be one of true, false: got "1"');
});

Deno.test("GET /admin/actors passes kind, sort and limit on, and says what is wrong with them", async () => {
  const { request, calls } = open();
  assert.deepEqual(await (await request("/admin/actors")).json(), { items: [listed] });
  await request("/admin/actors?kind=game&sort=bytes&limit=3");
  assert.deepEqual(calls, [["actors", "player", "cpu", 20], ["actors", "game", "bytes", 3]]);
  const faults = {
    "kind=team": 'kind must be one of player, game: got "team"',
    "sort=size": 'sort must be one of cpu, mailbox, bytes, events: got "size"',
    "limit=0": 'limit must be a whole number of 1 to 100: got "0"',
  };
  for (const [query, expected] of Object.entries(faults)) {
    const response = await request(`/admin/actors?${query}`);
    assert.equal(await assertProblem(response, 400, "invalid_field"), expected);
  }
});

Deno.test("POST /admin/actors/{kind}/{id}/restart and passivate reach the actor", async () => {
  const { post, calls } = open();
  for (const action of ["restart", "passivate"]) {
    const response = await post(`/admin/actors/player/st%2Fu/${action}`);
    const expected = { kind: "player", id: "st/u", action, done: true };
    assert.deepEqual([response.status, await response.json()], [200, expected]);
  }
  assert.deepEqual(calls, [["restart", "player", "st/u"], ["passivate", "player", "st/u"]]);
  await assertProblem(await post("/admin/actors/team/st%2Fu/restart"), 404, "not_found");
});

Deno.test("POST /admin/shards/{stage}/{partition}/pause, resume and restart reach the shard", async () => {
  const { post, calls } = open();
  for (const action of ["pause", "resume", "restart"]) {
    const response = await post(`/admin/shards/player/3/${action}`);
    assert.deepEqual([response.status, await response.json()], [200, shard]);
  }
  assert.deepEqual(calls, [["pause", "player", 3], ["resume", "player", 3], [
    "restart",
    "player",
    3,
  ]]);
  for (const path of ["player/4", "player/x", "player/-1", "team/3"]) {
    await assertProblem(await post(`/admin/shards/${path}/pause`), 404, "unknown_shard");
  }
});

Deno.test("POST /admin/dlq/{id}/discard discards a letter", async () => {
  const { post, audits } = open();
  const response = await post("/admin/dlq/0:7/discard");
  assert.deepEqual(await response.json(), {
    id: "0:7",
    discarded: { at: "1970-01-01T00:00:00.000Z", call: audits[0]!.call },
  });
  await assertProblem(await post("/admin/dlq/0:8/discard"), 404, "unknown_letter");
});

Deno.test("POST /admin/dlq/replay takes a filter, a limit and a cursor", async () => {
  const { post, calls } = open();
  const response = await post("/admin/dlq/replay");
  assert.deepEqual([response.status, (await response.json()).sent], [202, 2]);
  const body = { code: "poison", actor_id: "st/u", limit: 5, cursor: "0.1", again: true };
  await post("/admin/dlq/replay", JSON.stringify(body));
  const asked = calls.map(([, filter, options]) => [filter, options]);
  assert.deepEqual(asked, [
    [{}, { limit: 1000, cursor: undefined, again: false }],
    [{ code: "poison", actor_id: "st/u" }, { limit: 5, cursor: "0.1", again: true }],
  ]);
});

Deno.test("POST /admin/dlq/replay says what is wrong with its body", async () => {
  const { post, calls } = open();
  const faults: [string, string, RegExp][] = [
    ["[]", "invalid_field", /^body must be a JSON object: got \[\]$/],
    ['{"cod":"x"}', "unknown_field", /'cod'.*known are code, source, studio, actor_id/],
    ['{"code":7}', "invalid_field", /^code must be a text of 1 to 512 characters: got 7$/],
    ['{"limit":0}', "invalid_field", /^limit must be a whole number of 1 to 10000: got 0$/],
    ['{"cursor":1}', "invalid_field", /^cursor must be/],
    ['{"again":"yes"}', "invalid_field", /^again must be true or false: got "yes"$/],
  ];
  for (const [body, code, detail] of faults) {
    assert.match(await assertProblem(await post("/admin/dlq/replay", body), 400, code), detail);
  }
  assert.deepEqual(calls, []);
});

Deno.test("GET and PUT /admin/log-level show and set the level", async () => {
  const { request } = open();
  const put = (body: string) => request("/admin/log-level", { method: "PUT", body });
  assert.deepEqual(await (await request("/admin/log-level")).json(), { level: "info" });
  assert.deepEqual(await (await put('{"level":"debug"}')).json(), { level: "debug" });
  assert.deepEqual(await (await request("/admin/log-level")).json(), { level: "debug" });
  const detail = await assertProblem(await put('{"level":"loud"}'), 400, "invalid_field");
  assert.equal(detail, 'level must be one of debug, info, warn, error, silent: got "loud"');
  await assertProblem(await put("{}"), 400, "invalid_field");
});

Deno.test("GET /admin/audit passes cursor and limit on", async () => {
  const { request, calls } = open();
  await request("/admin/audit?cursor=12&limit=7");
  await request("/admin/audit");
  assert.deepEqual(calls, [["audit", "12", 7], ["audit", undefined, 50]]);
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
