import assert from "node:assert/strict";
import { brotliDecompressSync, gunzipSync } from "node:zlib";
import { testGateway } from "../testing/test_gateway.ts";
import { finishRead } from "./finish_read.ts";
import { fixedAnswer } from "./fixed_answer.ts";

const text = "{}".repeat(4000);
const headers = { "content-type": "application/json", "cache-control": "public" };
const asking = (more: Record<string, string> = {}) =>
  new Request("http://gateway/openapi.json", { headers: more });

Deno.test("fixedAnswer() is made once, plain and packed, with one tag", async () => {
  let made = 0;
  const answer = fixedAnswer(() => (made++, { text, headers }));
  const plain = await answer(asking());
  const tag = plain.headers.get("etag")!;
  assert.equal(await plain.text(), text);
  const unpack = { gzip: gunzipSync, br: brotliDecompressSync };
  for (const [coding, open] of Object.entries(unpack)) {
    const packed = await answer(asking({ "accept-encoding": coding }));
    assert.equal(packed.headers.get("content-encoding"), coding);
    assert.deepEqual([packed.headers.get("etag"), packed.headers.get("vary")], [
      tag,
      "accept-encoding",
    ]);
    assert.equal(open(await packed.bytes()).toString(), text);
  }
  const known = await answer(asking({ "if-none-match": tag, "accept-encoding": "br" }));
  assert.deepEqual([known.status, known.headers.get("etag"), known.body], [304, tag, null]);
  assert.equal(made, 1);
});

Deno.test("fixedAnswer() is made again after a failure, and packs nothing small", async () => {
  let made = 0;
  const answer = fixedAnswer(() => {
    if (made++ === 0) throw new Error("not yet");
    return { text: "short", headers };
  });
  await assert.rejects(answer(asking()), /not yet/);
  const small = await answer(asking({ "accept-encoding": "gzip" }));
  assert.deepEqual([small.headers.get("content-encoding"), await small.text()], [null, "short"]);
});

Deno.test("finishRead() leaves alone what has its tag", async () => {
  const given = await fixedAnswer(() => ({ text, headers }))(asking());
  assert.equal(await finishRead(asking({ "accept-encoding": "gzip" }), given), given);
});

Deno.test("/graphiql, nine megabytes that need no key, is not packed for each who asks", async () => {
  const { app } = testGateway({ graphiql: true });
  const ask = async (coding: string) => {
    const startedAt = performance.now();
    const answer = await app.request("/graphiql", { headers: { "accept-encoding": coding } });
    await answer.body?.cancel();
    assert.equal(answer.headers.get("content-encoding") ?? "identity", coding);
    return performance.now() - startedAt;
  };
  await ask("identity");
  for (const coding of ["br", "gzip"]) {
    const first = await ask(coding);
    let fastest = Infinity;
    for (let i = 0; i < 5; i++) fastest = Math.min(fastest, await ask(coding));
    assert.ok(fastest < first / 4, `${coding}: ${first} ms at first, ${fastest} ms again`);
  }
});
