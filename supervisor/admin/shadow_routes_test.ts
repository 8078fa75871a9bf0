import assert from "node:assert/strict";
import { Hono } from "hono";
import type { ShadowReport } from "../shard/shadow/shadow.ts";
import type { ShadowStart } from "../worker/shadows.ts";
import { FieldMask } from "./mask_fields.ts";
import { addShadowRoutes } from "./shadow_routes.ts";

function setUp() {
  const starts: ShadowStart[] = [];
  let current: ShadowReport | null = null;
  const app = new Hono();
  addShadowRoutes(app, {
    start(start) {
      starts.push(start);
      current = {
        version: 2,
        share: start.share ?? 0.05,
        actors: 0,
        skipped: 0,
        messages: 0,
        different: 0,
        differences: [],
      };
      return Promise.resolve(current);
    },
    report: () => Promise.resolve(current),
    stop() {
      const last = current;
      current = null;
      return Promise.resolve(last);
    },
  });
  const call = async (method: string, stage: string, body?: unknown) => {
    const init = body === undefined ? { method } : { method, body: JSON.stringify(body) };
    const response = await app.request(`/admin/stages/${stage}/shadow`, init);
    return { status: response.status, body: await response.json() };
  };
  return { starts, call };
}

Deno.test("addShadowRoutes() starts, shows and ends a shadow", async () => {
  const { starts, call } = setUp();
  assert.equal((await call("GET", "player")).status, 404);
  const started = await call("POST", "player", {
    module: "file:///srv/player2.ts",
    share: 0.5,
    compare_state: false,
  });
  assert.deepEqual([started.status, started.body.share], [201, 0.5]);
  assert.deepEqual(starts, [
    { stage: "player", module: "file:///srv/player2.ts", share: 0.5, compareState: false },
  ]);
  assert.equal((await call("GET", "player")).body.version, 2);
  assert.equal((await call("DELETE", "player")).status, 200);
  assert.equal((await call("DELETE", "player")).status, 404);
});

Deno.test("addShadowRoutes() refuses what is none of a stage, a file URL or a share", async () => {
  const { starts, call } = setUp();
  const module = "file:///srv/player2.ts";
  assert.equal((await call("POST", "nobody", { module })).status, 404);
  for (
    const [body, field] of [
      [undefined, "the body"],
      [{}, "module"],
      [{ module: "https://elsewhere.example/x.ts" }, "module"],
      [{ module, share: 2 }, "share"],
      [{ module, extra: 1 }, "extra"],
    ] as const
  ) {
    const { status, body: answer } = await call("POST", "player", body);
    assert.equal(status, 400);
    assert.ok(answer.detail.includes(field), `${answer.detail} names ${field}`);
  }
  assert.deepEqual(starts, []);
});

Deno.test("addShadowRoutes() takes no body of any size", async () => {
  const { starts, call } = setUp();
  const module = `file:///${"x".repeat(20_000)}`;
  assert.equal((await call("POST", "player", { module })).status, 413);
  assert.deepEqual(starts, []);
});

Deno.test("addShadowRoutes() masks what differs, and shows it with reveal=true", async () => {
  const difference = {
    actor_id: "st/u",
    position: "0:1",
    what: "state",
    expected: '{"email":"a@b.c","n":1}',
    got: '{"email":"a@b',
  } as const;
  const report: ShadowReport = {
    version: 2,
    share: 1,
    actors: 1,
    skipped: 0,
    messages: 1,
    different: 1,
    differences: [difference],
  };
  const given = () => Promise.resolve(report);
  const app = new Hono();
  addShadowRoutes(app, { start: given, report: given, stop: given }, new FieldMask(["email"]));
  const ask = async (query: string) =>
    (await (await app.request(`/admin/stages/player/shadow${query}`)).json()).differences[0];
  const { expected, got } = await ask("");
  assert.equal(expected, '{"email":"[redacted]","n":1}');
  assert.match(got, /^\[redacted\]: 13 characters/);
  assert.deepEqual(await ask("?reveal=true"), difference);
});
