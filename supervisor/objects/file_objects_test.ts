import assert from "node:assert/strict";
import { join } from "node:path";
import { InvalidInput, Unavailable } from "../../schema/errors.ts";
import { limits } from "../../schema/limits.ts";
import { FileObjects } from "./file_objects.ts";
import { objectsContract } from "./objects_contract.ts";

async function inFolder() {
  const folder = await Deno.makeTempDir({ prefix: "gamemetrics-objects-" });
  const dispose = () => Deno.remove(folder, { recursive: true });
  return { folder, objects: new FileObjects(folder), dispose };
}

objectsContract("FileObjects", inFolder);

Deno.test("FileObjects stays in its folder, follows no half-written file, and makes it late", async () => {
  const { folder, dispose } = await inFolder();
  try {
    const inside = join(folder, "not", "yet");
    const objects = new FileObjects(inside);
    assert.deepEqual(await objects.list("", 10), { objects: [], hasMore: false });
    await assert.rejects(Deno.stat(inside), Deno.errors.NotFound);
    await objects.put("a/b", new Uint8Array([1]));
    // What a write that was killed leaves behind.
    await Deno.writeTextFile(join(inside, "tmp", "left"), "half");
    const keys = async () => (await objects.list("", 10)).objects.map(({ key }) => key);
    assert.deepEqual(await keys(), ["a/b"]);
    await objects.put("a", new Uint8Array([2]));
    assert.deepEqual(await keys(), ["a", "a/b"], "a file and a folder of one name");
    await assert.rejects(objects.get("../../secret"), InvalidInput);
  } finally {
    await dispose();
  }
});

Deno.test("FileObjects says that it is away when the disk refuses, and that a file is too large", async () => {
  const { folder, objects, dispose } = await inFolder();
  try {
    await objects.put("a", new Uint8Array([1]));
    await Deno.truncate(join(folder, "objects", "a"), limits.objectBytesMax + 1);
    await assert.rejects(objects.get("a"), InvalidInput);
    const blocked = join(folder, "file");
    await Deno.writeTextFile(blocked, "");
    await assert.rejects(new FileObjects(blocked).put("a", new Uint8Array([1])), Unavailable);
  } finally {
    await dispose();
  }
});
