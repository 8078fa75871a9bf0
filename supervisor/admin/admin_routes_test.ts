import assert from "node:assert/strict";
import { InvalidInput, Unavailable } from "../../schema/errors.ts";
import {
  actor,
  assertProblem,
  halted,
  listed,
  open,
  shard,
  unmerged,
} from "./testing/admin_world.ts";

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

Deno.test("GET /admin/halted lists who stands still", async () => {
  const response = await open().request("/admin/halted");
  assert.deepEqual([response.status, await response.json()], [200, { items: [halted] }]);
});

Deno.test("POST /admin/halted/restart takes a kind, a limit and dry_run, and is audited", async () => {
  const { post, calls, audits } = open();
  const { kind, id, reason, since } = halted;
  const item = { kind, id, reason, since, restarted: true, error: null };
  const response = await post("/admin/halted/restart");
  const expected = { dry_run: false, restarted: 1, items: [item], left: 0 };
  assert.deepEqual([response.status, await response.json()], [200, expected]);
  const body = JSON.stringify({ kind: "player", limit: 1, dry_run: true });
  const dry = await post("/admin/halted/restart", body);
  const found = [{ ...item, restarted: null }];
  assert.deepEqual(await dry.json(), { dry_run: true, restarted: 0, items: found, left: 0 });
  const none = await post("/admin/halted/restart", '{"kind":"game"}');
  assert.deepEqual(await none.json(), { dry_run: false, restarted: 0, items: [], left: 0 });
  assert.deepEqual(calls, [["restart", "player", "st/u"]], "what is not tried is not asked");
  const target = "/admin/halted/restart";
  assert.deepEqual(audits.map((row) => [row.method, row.target, row.status]), [
    ["POST", target, 200],
    ["POST", target, 200],
    ["POST", target, 200],
  ]);
});

Deno.test("POST /admin/halted/restart says what is wrong with its body", async () => {
  const { post, calls } = open();
  const faults: [string, string, RegExp][] = [
    ["[]", "invalid_field", /^body must be a JSON object/],
    ['{"dryrun":true}', "unknown_field", /'dryrun'.*known are kind, limit, dry_run/],
    ['{"kind":"team"}', "invalid_field", /^kind must be one of player, game: got "team"$/],
    ['{"limit":0}', "invalid_field", /^limit must be a whole number of 1 to 1000: got 0$/],
    ['{"limit":1001}', "invalid_field", /^limit must be a whole number of 1 to 1000: got 1001$/],
    ['{"dry_run":"yes"}', "invalid_field", /^dry_run must be true or false: got "yes"$/],
  ];
  for (const [body, code, detail] of faults) {
    const response = await post("/admin/halted/restart", body);
    assert.match(await assertProblem(response, 400, code), detail);
  }
  const long = await post("/admin/halted/restart", JSON.stringify({ kind: "x".repeat(2000) }));
  await assertProblem(long, 413, "too_large");
  assert.deepEqual(calls, []);
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

Deno.test("POST /admin/actors/player/{id}/unmerge answers 202 with where the player was asked, and is audited", async () => {
  const { post, calls, audits } = open();
  const response = await post("/admin/actors/player/st%2Fa%2Fb/unmerge");
  const { call } = audits[0]!;
  const expected = { ...unmerged, id: "st/a/b", event_id: call };
  assert.deepEqual([response.status, await response.json()], [202, expected]);
  assert.deepEqual(calls, [["unmerge", "st/a/b", call]]);
  assert.deepEqual([audits[0]!.target, audits[0]!.status], [
    "/admin/actors/player/st%2Fa%2Fb/unmerge",
    202,
  ]);
});

Deno.test("POST /admin/actors/player/{id}/unmerge is 404, 409 and 503 by what is in its way", async () => {
  const path = (id: string) => `/admin/actors/player/st%2F${id}/unmerge`;
  const { post, request } = open();
  await assertProblem(await post(path("nobody")), 404, "unknown_actor");
  await assertProblem(await post("/admin/actors/game/st%2Fg/unmerge"), 404, "not_found");
  await assertProblem(await request(path("u")), 405, "method_not_allowed");
  const notMerged = new InvalidInput("not_merged", "'st/u' is a player of his own");
  const own = open({ unmerge: () => Promise.reject(notMerged) });
  await assertProblem(await own.post(path("u")), 409, "not_merged");
  const underWay = new Unavailable("player", "A link of 'st/u' is being made");
  const moving = open({ unmerge: () => Promise.reject(underWay) });
  const response = await moving.post(path("u"));
  assert.equal(response.headers.get("retry-after"), "1");
  await assertProblem(response, 503, "unavailable");
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
