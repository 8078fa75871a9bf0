import assert from "node:assert/strict";
import { settle } from "../../tree/tree_fakes.ts";
import { Turns } from "./turns.ts";

Deno.test("Turns.take() lets one run at a time, in the order of asking, whatever fails", async () => {
  const turns = new Turns();
  const done: string[] = [];
  const first = Promise.withResolvers<void>();
  const a = turns.take(async () => {
    done.push("a begins");
    await first.promise;
    done.push("a ends");
    throw new TypeError("told to");
  });
  const b = turns.take(() => Promise.resolve(done.push("b")));
  await settle();
  assert.deepEqual(done, ["a begins"]);
  first.resolve();
  await assert.rejects(a, /told to/);
  assert.equal(await b, 3);
  assert.deepEqual(done, ["a begins", "a ends", "b"]);
});
