import assert from "node:assert/strict";
import { assertLimits, limits } from "./limits.ts";

Deno.test("assertLimits() passes the limits as they stand", () => assertLimits());

Deno.test("assertLimits() names the relation that is broken", () => {
  assert.throws(
    () => assertLimits({ ...limits, eventBytesMax: limits.requestBytesMax + 1 }),
    /limits contradict each other: eventBytesMax <= requestBytesMax/,
  );
  assert.throws(
    () => assertLimits({ ...limits, requestJsonDepthMax: limits.jsonDepthMax }),
    /jsonDepthMax < requestJsonDepthMax/,
  );
});
