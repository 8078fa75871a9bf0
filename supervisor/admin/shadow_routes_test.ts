import assert from "node:assert/strict";
import { Hono } from "hono";
import type { ShadowReport } from "../shard/shadow/shadow.ts";
import type { ShadowStart } from "../worker/shadows.ts";
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
