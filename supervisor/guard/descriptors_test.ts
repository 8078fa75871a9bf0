import assert from "node:assert/strict";
import { edgeLimits } from "../../schema/net/edge_limits.ts";
import { connectionsAllowed, connectionsWithin, openFilesMax } from "./descriptors.ts";

Deno.test("openFilesMax() reads the soft limit", () => {
  const line = (soft: string) =>
    `Limit  Soft  Hard  Units\nMax open files            ${soft}  4096  files\n`;
  assert.equal(openFilesMax(line("512")), 512);
  assert.equal(openFilesMax(line("unlimited")), Infinity);
  assert.equal(openFilesMax("nothing of it"), undefined);
});

Deno.test("connectionsWithin() leaves descriptors to everything else", () => {
  for (const openFiles of [256, 512, 1024, 20_000]) {
    const taken = connectionsWithin(openFiles) * 3;
    assert.ok(taken + edgeLimits.descriptorsKept <= openFiles, `${openFiles}: ${taken}`);
  }
  assert.equal(connectionsWithin(10), 16);
  assert.ok(connectionsAllowed() >= 16);
});
