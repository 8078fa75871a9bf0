import assert from "node:assert/strict";
import { socketsThatFit } from "./idle_sockets.ts";
import { TextLineStream } from "./lines.ts";
import { measureIdle } from "./measure_idle.ts";

Deno.test("socketsThatFit() takes what descriptors allow, and refuses more with what to do", () => {
  assert.equal(socketsThatFit(undefined, 1_048_576, false), 20_000);
  assert.equal(socketsThatFit(undefined, 20_000, false), 19_800);
  assert.equal(socketsThatFit(undefined, 20_000, true), 6_600);
  assert.equal(socketsThatFit(500, 1_024, false), 500);
  assert.throws(() => socketsThatFit(1_000, 1_024, false), /ulimit -n 1200.*at most 824/);
});

Deno.test("TextLineStream cuts lines however they come", async () => {
  const lines = ReadableStream.from(["a\nb", "c\n", "d"]).pipeThrough(new TextLineStream());
  assert.deepEqual(await Array.fromAsync(lines), ["a", "bc", "d"]);
});

Deno.test("measureIdle() measures sockets that are held and pinged", async () => {
  const dir = await Deno.makeTempDir();
  try {
    const figures = await measureIdle({ sockets: 50, seconds: 6, guard: false, dir });
    assert.deepEqual(figures.faults, []);
    assert.ok(figures.pongs_per_second > 0);
    assert.ok(figures.held.posts > 0 && figures.before.rss_bytes > 0);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});
