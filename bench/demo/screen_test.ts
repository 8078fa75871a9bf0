import assert from "node:assert/strict";
import { Screen } from "./screen.ts";

Deno.test("Screen draws over what it drew before, cut to the width", () => {
  const out: string[] = [];
  const screen = new Screen((text) => out.push(text), () => 5);
  screen.draw(["one", "two is long"]);
  screen.draw(["three"]);
  assert.deepEqual(out, [
    "one\x1b[K\ntwo i\x1b[K\n\x1b[J",
    "\x1b[2Athree\x1b[K\n\x1b[J",
  ]);
});
