import assert from "node:assert/strict";
import { readiness } from "./readiness.ts";

const reasons = { reasons: true };

Deno.test("readiness() is 200 when every part is ready", () => {
  const parts = [{ part: "log", ready: true }, { part: "store", ready: true }];
  const body = { status: "ready", failing: [], parts: ["log", "store"] };
  assert.deepEqual(readiness(parts, reasons), { status: 200, body });
});

Deno.test("readiness() names the failing parts with 503, and why to operators alone", () => {
  const parts = [
    { part: "log", ready: true },
    { part: "store", ready: false, reason: "no user gm at 10.0.0.5" },
    { part: "shards", ready: false },
    { part: "cache", ready: true, degraded: "counted per node: 10.0.0.6 refused" },
  ];
  const told = readiness(parts, reasons);
  assert.deepEqual([told.status, told.body], [503, {
    status: "not_ready",
    failing: [
      { part: "store", reason: "no user gm at 10.0.0.5" },
      { part: "shards", reason: "not ready" },
    ],
    degraded: [{ part: "cache", reason: "counted per node: 10.0.0.6 refused" }],
    parts: ["log", "store", "shards", "cache"],
  }]);
  const named = readiness(parts, { reasons: false });
  assert.deepEqual([named.status, named.body], [503, {
    status: "not_ready",
    failing: [{ part: "store" }, { part: "shards" }],
    degraded: [{ part: "cache" }],
    parts: ["log", "store", "shards", "cache"],
  }]);
});

Deno.test("readiness() is 200 with parts that are but degraded", () => {
  assert.equal(readiness([{ part: "cache", ready: true, degraded: "away" }], reasons).status, 200);
});
