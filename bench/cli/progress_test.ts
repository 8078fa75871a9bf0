import assert from "node:assert/strict";
import { bar } from "./progress.ts";

Deno.test("bar() fills by share and clamps it", () => {
  assert.equal(bar(0.5, 4), "██░░  50 %");
  assert.equal(bar(-1, 4), "░░░░   0 %");
  assert.equal(bar(7, 4), "████ 100 %");
});
