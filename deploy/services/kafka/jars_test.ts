import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { fetchJar } from "./jars.ts";
import list from "./jars.json" with { type: "json" };

/** Runs `body` with a repository that answers everything with these bodies, one after the other. */
async function withRepository(
  answers: Response[],
  body: (url: string, folder: string) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir();
  const serve = () => answers.shift() ?? new Response(null, { status: 404 });
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, serve);
  try {
    await body(`http://127.0.0.1:${server.addr.port}`, folder);
  } finally {
    await server.shutdown();
    await Deno.remove(folder, { recursive: true });
  }
}

const jar = {
  path: "a/b/x.jar",
  bytes: 5,
  sha512: createHash("sha512").update("hello").digest("hex"),
};

Deno.test("fetchJar() keeps a jar with the right hash, after a failed attempt, too", () =>
  withRepository(
    [new Response("busy", { status: 503 }), new Response("hello")],
    async (url, folder) => {
      await fetchJar(url, folder, jar);
      assert.equal(await Deno.readTextFile(`${folder}/x.jar`), "hello");
    },
  ));

Deno.test("fetchJar() keeps nothing of a jar with another hash", () =>
  withRepository([new Response("hellO")], async (url, folder) => {
    await assert.rejects(fetchJar(url, folder, jar), /SHA-512 must be 9b71d224/);
    assert.deepEqual([...Deno.readDirSync(folder)], []);
  }));

Deno.test("jars.json names each jar once, with length and SHA-512", () => {
  const files = list.jars.map(({ path }) => path.split("/").at(-1));
  assert.equal(new Set(files).size, files.length);
  for (const { path, bytes, sha512 } of list.jars) {
    assert.match(path, /^[\w./-]+\.jar$/);
    assert.ok(bytes > 0, path);
    assert.match(sha512, /^[0-9a-f]{128}$/, path);
  }
  const brokers = list.jars.filter(({ path }) => path.includes("/kafka/"));
  assert.ok(brokers.every(({ path }) => path.includes(list.version)));
});
