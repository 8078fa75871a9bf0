import assert from "node:assert/strict";
import { AckFile } from "./ack_file.ts";

for (const sync of [true, false]) {
  Deno.test(`AckFile keeps every line once, whole and in order, sync ${sync}`, async () => {
    const path = Deno.makeTempFileSync();
    const file = new AckFile(path, { seed: 5, id_prefix: "abc" }, sync);
    await Promise.all(
      Array.from({ length: 200 }, async (_, b) => {
        await file.append({ c: 0, b, ids: [`id-${b}`] });
        // What append has promised must be readable by anybody.
        assert.ok(Deno.readTextFileSync(path).includes(`"id-${b}"`));
      }),
    );
    await file.append({ c: 1, b: 0, unknown: ["x"] });
    await file.close();
    const lines = Deno.readTextFileSync(path).trimEnd().split("\n").map((line) => JSON.parse(line));
    assert.deepEqual(lines[0], { seed: 5, id_prefix: "abc" });
    assert.deepEqual(
      lines.slice(1, -1).map((line) => line.b),
      Array.from({ length: 200 }, (_, b) => b),
    );
    assert.deepEqual(lines.at(-1), { c: 1, b: 0, unknown: ["x"] });
    Deno.removeSync(path);
  });
}
