import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { ConfigFaults } from "../../../schema/config_reader.ts";
import { limits } from "../../../schema/limits.ts";
import { loadPersistedOperations } from "./persisted_file.ts";

const idOf = (text: string) => createHash("sha256").update(text).digest("hex");

async function withFile(text: string | undefined, use: (path: string) => Promise<void>) {
  const dir = await Deno.makeTempDir();
  try {
    const path = `${dir}/operations.json`;
    if (text !== undefined) await Deno.writeTextFile(path, text);
    await use(path);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

Deno.test("loadPersistedOperations() reads the operations of a file", async () => {
  const text = `query Level($id: ID!) { player(id: $id) { level } }`;
  await withFile(JSON.stringify({ [idOf(text)]: text }), async (path) => {
    const { byId, only } = await loadPersistedOperations({ path, only: true });
    assert.deepEqual([...byId], [[idOf(text), text]]);
    assert.equal(only, true);
  });
});

Deno.test("loadPersistedOperations() refuses a file that cannot be used, naming the variable", async () => {
  const manifest = (text: string) => JSON.stringify({ [idOf(text)]: text });
  const wrong: [text: string | undefined, why: RegExp][] = [
    [undefined, /a file that is there/],
    ["{", /it is not JSON/],
    ["{}", /it has no operation/],
    [JSON.stringify({ abc: "{ __typename }" }), /abc is not the SHA-256/],
    [manifest("{ nothing }"), /can never run: Cannot query field "nothing"/],
    [manifest("{"), /can never run: Syntax Error/],
    [manifest(`{ ${"a ".repeat(2000)} }`), /can never run: .* 2000 tokens/],
    [" ".repeat(limits.graphqlPersistedBytesMax + 1), /has 4194305 bytes, at most 4194304/],
  ];
  for (const [text, why] of wrong) {
    await withFile(text, async (path) => {
      await assert.rejects(loadPersistedOperations({ path, only: false }), (error) => {
        assert.ok(error instanceof ConfigFaults);
        assert.match(error.message, /PERSISTED_OPERATIONS/);
        assert.match(error.message, why);
        return true;
      });
    });
  }
  const dir = await Deno.makeTempDir();
  await assert.rejects(
    loadPersistedOperations({ path: dir, only: false }),
    /a file that can be read/,
  );
  await Deno.remove(dir);
});
