import assert from "node:assert/strict";
import { drillGateway } from "./hostile/gateway_process.ts";
import { drill } from "./hostile_bodies.ts";

Deno.test("drill 22 passes on the gateway", async () => {
  const { pass, counts, notes } = await drillGateway(drill, false);
  assert.ok(pass, notes.join("\n"));
  assert.ok(counts.attacks! >= 30 && counts.attacks! % 30 === 0);
});

Deno.test("drill 22 fails on a gateway that accepts everything", async () => {
  const { pass, notes } = await drillGateway(drill, true);
  assert.equal(pass, false);
  const about = (pattern: RegExp) =>
    assert.ok(notes.some((note) => pattern.test(note)), notes.join("\n"));
  about(/^endless chunks must be 413: 202/);
  about(/^gzip bomb must be 413: 202/);
  about(/^memory grew by/);
});
