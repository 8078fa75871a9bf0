import assert from "node:assert/strict";
import { assertEdgeLimits, edgeLimits } from "./edge_limits.ts";

Deno.test("assertEdgeLimits() takes the limits that there are, and names those that contradict", () => {
  assertEdgeLimits(edgeLimits);
  assert.throws(() => assertEdgeLimits({ ...edgeLimits, answerMs: 1000 }), /acceptTimeoutMs/);
  assert.throws(() => assertEdgeLimits({ ...edgeLimits, chunkLineBytesMax: 1e6 }), /chunkLine/);
});
