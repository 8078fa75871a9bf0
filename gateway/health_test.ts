import assert from "node:assert/strict";
import { liveResponse, readyResponse } from "./health.ts";

Deno.test("liveResponse() is 200", () => assert.equal(liveResponse().status, 200));

Deno.test("readyResponse() names parts to anybody, and tells nobody of what they are made", async () => {
  const response = readyResponse([
    { part: "store", ready: false, reason: "Cannot reach PostgreSQL at 10.0.0.5" },
    { part: "cache", ready: true, degraded: "counted per node: 10.0.0.6 refused" },
  ]);
  assert.equal(response.status, 503);
  assert.equal(response.headers.get("cache-control"), "no-store");
  const text = await response.text();
  assert.deepEqual(JSON.parse(text).failing, [{ part: "store" }]);
  assert.deepEqual(JSON.parse(text).degraded, [{ part: "cache" }]);
  assert.doesNotMatch(text, /10\.0\.0|PostgreSQL/);
});
