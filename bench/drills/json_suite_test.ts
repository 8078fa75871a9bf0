import assert from "node:assert/strict";
import { drillGateway } from "./hostile/gateway_process.ts";
import { drill } from "./json_suite.ts";

Deno.test("drill 21 passes on the gateway", async () => {
  const { pass, counts, notes } = await drillGateway(drill, false);
  assert.ok(pass, notes.slice(0, 10).join("\n"));
  assert.deepEqual([counts.files, counts.n_files, counts.mutants], [340, 188, 10_000]);
});

Deno.test("drill 21 fails on a gateway that accepts everything", async () => {
  const { pass, notes } = await drillGateway(drill, true);
  assert.equal(pass, false);
  assert.ok(notes.some((note) => /^n_.* was accepted in an event$/.test(note)));
  assert.ok(notes.some((note) => /^mutant \d+ was accepted and is no JSON$/.test(note)));
});
