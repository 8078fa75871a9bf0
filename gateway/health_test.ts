import assert from "node:assert/strict";
import { liveResponse, readyResponse } from "./health.ts";

Deno.test("liveResponse() is 200", () => assert.equal(liveResponse().status, 200));

Deno.test("readyResponse() is 200 when every part is ready", async () => {
  const response = readyResponse([{ part: "log", ready: true }, { part: "store", ready: true }]);
  assert.equal(response.status, 200);
  const body = await response.json();
  assert.deepEqual(body, { status: "ready", failing: [], parts: ["log", "store"] });
});

Deno.test("readyResponse() names the failing parts with 503", async () => {
  const response = readyResponse([
    { part: "log", ready: true },
    { part: "store", ready: false, reason: "connection refused" },
    { part: "shards", ready: false },
  ]);
  assert.equal(response.status, 503);
  const failing = [
    { part: "store", reason: "connection refused" },
    { part: "shards", reason: "not ready" },
  ];
  assert.deepEqual((await response.json()).failing, failing);
});

Deno.test("readyResponse() names degraded parts and stays ready", async () => {
  const response = readyResponse([
    { part: "log", ready: true },
    { part: "cache", ready: true, degraded: "counted per node: connection refused" },
  ]);
  assert.equal(response.status, 200);
  assert.deepEqual(await response.json(), {
    status: "ready",
    failing: [],
    degraded: [{ part: "cache", reason: "counted per node: connection refused" }],
    parts: ["log", "cache"],
  });
});
