import assert from "node:assert/strict";
import { Hono } from "hono";
import type { StateDiff } from "../replay/time_travel.ts";
import { FieldMask } from "./mask_fields.ts";
import { problem, problemOf } from "./admin_problem.ts";
import { addTimeTravelRoutes } from "./time_travel_routes.ts";

const diff: StateDiff = {
  id: "st/u",
  from: { version: "3:1", hash: "aa" },
  to: { version: "3:9", hash: "bb" },
  changes: [{ path: "/state/level", before: 1, after: 2 }],
  truncated: false,
};

function open() {
  const calls: unknown[][] = [];
  const app = new Hono();
  app.onError((error) => problemOf(error) ?? problem(500, "internal", String(error)));
  addTimeTravelRoutes(app, {
    diff: (...input) => {
      calls.push(["diff", ...input]);
      return Promise.resolve(input[1] === "st/u" ? diff : null);
    },
    replay: (...input) => {
      calls.push(["replay", ...input]);
      return Promise.resolve(null);
    },
  });
  const request = async (path: string, method = "GET") => {
    const response = await app.request(path, { method });
    return [response.status, await response.json()] as const;
  };
  return { calls, request };
}

Deno.test("addTimeTravelRoutes() diffs between times and offsets, up to now by default", async () => {
  const { calls, request } = open();
  const path = "/admin/actors/player/st%2Fu/diff";
  assert.deepEqual(await request(`${path}?from=3:1&to=1970-01-01T00:00:02Z`), [200, diff]);
  await request(`${path}?from=1970-01-01T00:00:01Z`);
  assert.deepEqual(calls, [
    ["diff", "player", "st/u", { partition: 3, offset: 1 }, { receivedAt: 2000 }],
    ["diff", "player", "st/u", { receivedAt: 1000 }, undefined],
  ]);
});

Deno.test("addTimeTravelRoutes() replays an actor up to a point", async () => {
  const { calls, request } = open();
  const [status, body] = await request("/admin/actors/player/st%2Fx/replay?as_of=3:7", "POST");
  assert.deepEqual([status, body.code], [404, "unknown_actor"]);
  assert.deepEqual(calls, [["replay", "player", "st/x", { partition: 3, offset: 7 }]]);
});

Deno.test("addTimeTravelRoutes() masks personal data in changes, too, by the names in their paths", async () => {
  const mask = new FieldMask(["e_mail"]);
  const changes = [
    { path: "/state/eMail/0", before: "a@b.c", after: "d@e.f" },
    { path: "/state/contact", after: { email: "d@e.f", level: 2 } },
    { path: "/state/level", before: 1, after: 2 },
  ];
  const app = new Hono();
  addTimeTravelRoutes(app, {
    diff: () => Promise.resolve({ ...diff, changes }),
    replay: () => Promise.resolve(null),
  }, (value) => mask.value(value));
  const answer = await app.request("/admin/actors/player/st%2Fu/diff?from=3:1");
  assert.deepEqual((await answer.json()).changes, [
    { path: "/state/eMail/0", before: "[redacted]", after: "[redacted]" },
    { path: "/state/contact", after: { email: "[redacted]", level: 2 } },
    { path: "/state/level", before: 1, after: 2 },
  ]);
  const revealed = await app.request("/admin/actors/player/st%2Fu/diff?from=3:1&reveal=true");
  assert.deepEqual((await revealed.json()).changes, changes);
});

Deno.test("addTimeTravelRoutes() refuses other kinds, points it cannot read, and a diff from nowhere", async () => {
  const { calls, request } = open();
  const codes = [];
  for (
    const path of ["robot/a/diff?from=3:1", "player/a/diff", "player/a/diff?from=then", "x/a/diff"]
  ) {
    const [status, { code }] = await request(`/admin/actors/${path}`);
    codes.push([status, code]);
  }
  assert.deepEqual(codes, [
    [404, "not_found"],
    [400, "invalid_field"],
    [400, "invalid_timestamp"],
    [404, "not_found"],
  ]);
  assert.deepEqual(calls, []);
});
