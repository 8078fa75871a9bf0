import assert from "node:assert/strict";
import { startArguments } from "./start_command.ts";

Deno.test("startArguments() runs the program as the task start does", () => {
  const words = startArguments(new URL("file:///x/other.ts"));
  assert.equal(words[0], "run");
  assert.ok(words.some((word) => word.startsWith("--v8-flags=")));
  assert.equal(words.at(-1), "/x/other.ts");
  assert.match(startArguments().at(-1)!, /supervisor\/main\.ts$/);
});
