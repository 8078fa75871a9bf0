/** The page on writing an actor shows the code that runs. */
import assert from "node:assert/strict";
import { join } from "node:path";

// `ignore`: the files are what is run, with their imports where they stand.
const root = join(import.meta.dirname!, "../..");
const page = await Deno.readTextFile(join(root, "ARCHITECTURE.md"));
const blocks = new Map(
  Array.from(
    page.matchAll(/^```ts ignore (\S+)\n([\s\S]*?)^```$/gm),
    ([, path, code]) => [path!, code!],
  ),
);

Deno.test("ARCHITECTURE.md shows the example and its test", () => {
  assert.deepEqual([...blocks.keys()], ["bench/example/streak.ts", "bench/example/streak_test.ts"]);
});

for (const [path, code] of blocks) {
  Deno.test(`ARCHITECTURE.md shows ${path} as it is`, async () => {
    assert.equal(code, await Deno.readTextFile(join(root, path)));
  });
}
