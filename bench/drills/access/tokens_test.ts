import assert from "node:assert/strict";
import { runDrill } from "../run_drill.ts";
import { tokens } from "./tokens.ts";

const options = { seed: 1, quick: true, print: () => {}, secondsMax: 60 };

Deno.test("Drill 27: forged tokens are refused alike, good ones taken", async () => {
  const { pass, notes } = await runDrill(tokens, options);
  assert.ok(pass, notes.join("\n"));
});

Deno.test("Drill 27 notices a verifier that lets tokens choose their algorithm", async () => {
  const { pass, notes } = await runDrill(tokens, { ...options, mutation: "unpinned" });
  assert.ok(pass, notes.join("\n"));
});
