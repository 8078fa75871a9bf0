/**
 * What every {@link Objects} must do. Each adapter runs it in its own test file.
 *
 * @module
 */
import assert from "node:assert/strict";
import { InvalidInput } from "../../schema/errors.ts";
import { limits } from "../../schema/limits.ts";
import type { Objects } from "./objects.ts";

export interface ObjectsUnderTest {
  readonly objects: Objects;
  readonly dispose: () => Promise<void>;
}

const bytes = (text: string) => new TextEncoder().encode(text);

async function wholeLife(objects: Objects, base: string): Promise<void> {
  const key = `${base}/daily/2026-01-31.ndjson`;
  assert.equal(await objects.get(key), undefined);
  assert.equal(await objects.head(key), undefined);
  const startedAt = Date.now();
  const etag = await objects.put(key, bytes("one"));
  assert.ok(etag.length > 0);
  const got = await objects.get(key);
  assert.deepEqual([got?.content, got?.etag], [bytes("one"), etag]);
  const head = await objects.head(key);
  assert.deepEqual([head?.key, head?.bytes, head?.etag], [key, 3, etag]);
  // S3 tells whole seconds.
  assert.ok(Math.abs(head!.modifiedAt - startedAt) < 60_000);

  const next = await objects.put(key, bytes("two"));
  assert.notEqual(next, etag);
  assert.deepEqual((await objects.get(key))?.content, bytes("two"));
  await objects.delete(key);
  await objects.delete(key);
  assert.equal(await objects.get(key), undefined);
  assert.equal(await objects.head(key), undefined);
}

async function anyContent(objects: Objects, base: string): Promise<void> {
  const all = Uint8Array.from({ length: 1 << 20 }, (_, i) => i % 251);
  await objects.put(`${base}/all`, all);
  assert.deepEqual((await objects.get(`${base}/all`))?.content, all);
  await objects.put(`${base}/none`, new Uint8Array());
  assert.equal((await objects.get(`${base}/none`))?.content.length, 0);
  assert.equal((await objects.head(`${base}/none`))?.bytes, 0);
  const tooLarge = new Uint8Array(limits.objectBytesMax + 1);
  await assert.rejects(objects.put(`${base}/huge`, tooLarge), InvalidInput);
  assert.equal(await objects.head(`${base}/huge`), undefined);
}

async function lists(objects: Objects, base: string): Promise<void> {
  // The order is that of the whole key, not folder by folder.
  const keys = ["a/b", "a/c/d", "a-1", "a!", "b", "Z", "b=1/x.y_z"].map((k) => `${base}/${k}`);
  for (const key of keys) await objects.put(key, bytes(key));
  const sorted = keys.toSorted();
  const listed = async (prefix: string, first: number, after?: string) => {
    const { objects: found, hasMore } = await objects.list(prefix, first, after);
    for (const { key, bytes, etag } of found) {
      assert.deepEqual([bytes, etag], [key.length, (await objects.head(key))?.etag]);
    }
    return { keys: found.map(({ key }) => key), hasMore };
  };
  assert.deepEqual(await listed(`${base}/`, 100), { keys: sorted, hasMore: false });
  assert.deepEqual(await listed(`${base}/`, 3), { keys: sorted.slice(0, 3), hasMore: true });
  const rest = await listed(`${base}/`, 5, sorted[2]);
  assert.deepEqual(rest, { keys: sorted.slice(3), hasMore: false });
  const folder = [`${base}/a/b`, `${base}/a/c/d`];
  assert.deepEqual((await listed(`${base}/a/`, 10)).keys, folder);
  assert.deepEqual((await listed(`${base}/nothing/`, 10)).keys, []);
  for (const key of keys) await objects.delete(key);
  assert.deepEqual((await listed(`${base}/`, 10)).keys, []);
}

async function refusals(objects: Objects, base: string): Promise<void> {
  const bad = [
    "",
    "/",
    "a/",
    "/a",
    "a//b",
    "..",
    "a/../b",
    "./a",
    "a/.",
    "a b",
    "ü",
    "a\0",
    "a~",
    "a\\b",
  ];
  for (const key of [...bad, `${base}/${"x".repeat(512)}`]) {
    for (const call of ["get", "head", "delete"] as const) {
      await assert.rejects(objects[call](key), InvalidInput, `${call} ${JSON.stringify(key)}`);
    }
    await assert.rejects(objects.put(key, bytes("x")), InvalidInput);
  }
  await assert.rejects(objects.list("../", 0), InvalidInput);
  await assert.rejects(objects.list("", 1001), InvalidInput);
}

async function concurrency(objects: Objects, base: string): Promise<void> {
  const key = `${base}/fought-over`;
  const contents = Array.from({ length: 8 }, (_, i) => new Uint8Array(100_000 + i).fill(i));
  await objects.put(key, contents[0]!);
  let isDone = false;
  const writing = Promise.all(contents.map((content) => objects.put(key, content)))
    .finally(() => isDone = true);
  while (!isDone) {
    const { content } = (await objects.get(key))!;
    assert.deepEqual(content, contents[content[0]!], "never a part of one");
  }
  await writing;
}

/** Runs the contract. @param ignore when no server can be had; the tests are still named */
export function objectsContract(
  name: string,
  open: () => Promise<ObjectsUnderTest>,
  ignore = false,
): void {
  const tests = {
    "put(), get(), head() and delete() agree": wholeLife,
    "put() takes any content up to its limit": anyContent,
    "list() tells keys in order, page by page": lists,
    "refuses keys that are none": refusals,
    "get() sees whole objects while they are written": concurrency,
  };
  for (const [title, test] of Object.entries(tests)) {
    Deno.test({
      name: `${name} ${title}`,
      ignore,
      async fn() {
        const { objects, dispose } = await open();
        try {
          await test(objects, `test-${crypto.randomUUID()}`);
        } finally {
          await dispose();
        }
      },
    });
  }
}
