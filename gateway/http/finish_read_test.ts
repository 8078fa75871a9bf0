import assert from "node:assert/strict";
import { brotliDecompressSync, gunzipSync } from "node:zlib";
import { limits } from "../../schema/limits.ts";
import { finishRead } from "./finish_read.ts";

const long = JSON.stringify({ text: "level ".repeat(400) });
const json = { "content-type": "application/json" };

const ask = (headers: Record<string, string> = {}, method = "GET") =>
  new Request("http://h/", { method, headers });
const say = (headers: Record<string, string> = json, status = 200, body = long) =>
  new Response(body, { status, headers });

Deno.test("finishRead() packs what is long enough, by what the client takes", async () => {
  const gzip = await finishRead(ask({ "accept-encoding": "gzip" }), say());
  assert.equal(gzip.headers.get("content-encoding"), "gzip");
  const packed = new Uint8Array(await gzip.arrayBuffer());
  assert.ok(packed.length < long.length / 10);
  assert.equal(gunzipSync(packed).toString(), long);
  const br = await finishRead(ask({ "accept-encoding": "gzip, br" }), say());
  assert.equal(br.headers.get("content-encoding"), "br");
  assert.equal(brotliDecompressSync(await br.bytes()).toString(), long);
  const large = JSON.stringify("x".repeat(300_000));
  const faster = await finishRead(ask({ "accept-encoding": "br" }), say(json, 200, large));
  assert.equal(brotliDecompressSync(await faster.bytes()).toString(), large);
  const short = await finishRead(
    ask({ "accept-encoding": "gzip" }),
    say(json, 200, "x".repeat(limits.packBytesMin - 1)),
  );
  assert.equal(short.headers.get("content-encoding"), null);
  for (const response of [gzip, br, short]) {
    assert.equal(response.headers.get("vary"), "accept-encoding");
  }
});

Deno.test("finishRead() names every coding of a body by one tag, and answers 304 to who has it", async () => {
  const plain = await finishRead(ask(), say());
  const tag = plain.headers.get("etag")!;
  assert.equal(await plain.text(), long);
  const packed = await finishRead(ask({ "accept-encoding": "br" }), say());
  assert.equal(packed.headers.get("etag"), tag);
  for (const method of ["GET", "HEAD"]) {
    const cached = { ...json, "cache-control": "private, no-cache" };
    const known = ask({ "if-none-match": `"other", ${tag}`, "accept-encoding": "br" }, method);
    const { status, headers, body } = await finishRead(known, say(cached));
    assert.deepEqual([status, body, headers.get("etag")], [304, null, tag]);
    assert.deepEqual(
      ["cache-control", "vary", "content-type", "content-encoding"].map((h) => headers.get(h)),
      ["private, no-cache", "accept-encoding", null, null],
    );
  }
  const changed = await finishRead(ask({ "if-none-match": tag }), say(json, 200, `${long} `));
  assert.equal(changed.status, 200);
});

Deno.test("finishRead() leaves alone streams, secrets, images, what is packed, and what has no body", async () => {
  const packs = ask({ "accept-encoding": "gzip" });
  const untouched = [
    say({ "content-type": "text/event-stream" }),
    say({ "content-type": "multipart/mixed; boundary=x" }),
    say({ "content-type": "image/gif" }),
    say({ ...json, "content-encoding": "gzip" }),
    new Response(null, { status: 204 }),
  ];
  for (const response of untouched) assert.equal(await finishRead(packs, response), response);
  const secret = say({ ...json, "cache-control": "no-store, no-transform" });
  const left = await finishRead(packs, secret);
  assert.deepEqual([left.headers.get("content-encoding"), left.headers.get("etag")], [null, null]);
  assert.equal(await left.text(), long);
});

Deno.test("finishRead() tags answers of 200 to reads, and none that no cache may keep", async () => {
  const cases: [Request, Response][] = [
    [ask({}, "POST"), say()],
    [ask(), say(json, 503)],
    [ask(), say({ ...json, "cache-control": "no-store" })],
  ];
  for (const [request, response] of cases) {
    const finished = await finishRead(request, response);
    assert.equal(finished.headers.get("etag"), null);
    await finished.body?.cancel();
  }
});
