import assert from "node:assert/strict";
import { Problem } from "../problem.ts";
import { ByteBudget } from "./byte_budget.ts";
import { bodyDropped, dropBody, readBody } from "./read_body.ts";

const max = 1 << 20;
const budget = () => new ByteBudget(8 * max);

function request(body: BodyInit, headers: Record<string, string> = {}): Request {
  return new Request("http://host/", { method: "POST", body, headers });
}

async function gzip(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  const stream = new Blob([bytes]).stream().pipeThrough(new CompressionStream("gzip"));
  return await new Response(stream).bytes();
}

async function statusOf(promise: Promise<unknown>): Promise<[number, string]> {
  const error = await promise.then(() => assert.fail("it was read"), (error) => error);
  assert.ok(error instanceof Problem, String(error));
  return [error.status, error.code];
}

/** An endless body that counts what is taken from it. */
function endless() {
  const seen = { bytes: 0, cancelled: false };
  const stream = new ReadableStream<Uint8Array<ArrayBuffer>>({
    pull(controller) {
      seen.bytes += 65_536;
      controller.enqueue(new Uint8Array(65_536));
    },
    cancel: () => void (seen.cancelled = true),
  });
  return { seen, stream };
}

Deno.test("readBody() reads bodies with and without a declared length", async () => {
  const shared = budget();
  for (const size of [0, 1, 65_536, 65_537, max]) {
    const bytes = crypto.getRandomValues(new Uint8Array(Math.min(size, 65_536)));
    const body = new Uint8Array(size);
    body.set(bytes);
    for (const headers of [{}, { "content-length": String(size) }]) {
      assert.deepEqual(await readBody(request(body, headers), max, shared), body);
    }
  }
  assert.equal(shared.bytesTaken, 0);
});

Deno.test("readBody() refuses a declared length beyond the bound without reading", async () => {
  const { seen, stream } = endless();
  const sent = request(stream, { "content-length": String(1 << 30) });
  assert.deepEqual(await statusOf(readBody(sent, max, budget())), [413, "too_large"]);
  assert.ok(seen.cancelled && seen.bytes <= 2 * 65_536);
});

Deno.test("readBody() stops an endless body at the bound and drops the rest", async () => {
  const { seen, stream } = endless();
  const shared = budget();
  assert.deepEqual(await statusOf(readBody(request(stream), max, shared)), [413, "too_large"]);
  assert.ok(seen.cancelled && seen.bytes <= max + 3 * 65_536, `${seen.bytes} bytes were taken`);
  assert.equal(shared.bytesTaken, 0);
});

Deno.test("readBody() bounds the chunks of a body and keeps none of their buffers", async () => {
  const chunks = (count: number) => {
    let left = count;
    return new ReadableStream<Uint8Array<ArrayBuffer>>({
      pull(controller) {
        if (left-- === 0) return controller.close();
        // As the HTTP server reads: a small part of a large buffer.
        controller.enqueue(new Uint8Array(65_536).fill(left).subarray(0, 1));
      },
    });
  };
  const bytes = await readBody(request(chunks(2048)), max, budget());
  assert.deepEqual([bytes.length, bytes[0], bytes.at(-1)], [2048, 255, 0]);
  assert.ok(bytes.buffer.byteLength <= 16_384);
  const endless = readBody(request(chunks(Infinity)), max, budget());
  assert.deepEqual(await statusOf(endless), [413, "too_large"]);
});

Deno.test("readBody() does not trust a length that is too small or not a number", async () => {
  const body = new Uint8Array(max + 1);
  for (const length of ["10", "-1", "x", ""]) {
    const sent = request(body, { "content-length": length });
    assert.deepEqual(await statusOf(readBody(sent, max, budget())), [413, "too_large"]);
  }
  const { stream } = endless();
  const chunked = request(stream, { "content-length": "10", "transfer-encoding": "chunked" });
  assert.deepEqual(await statusOf(readBody(chunked, max, budget())), [413, "too_large"]);
});

Deno.test("readBody() expands gzip up to the bound and not beyond", async () => {
  const shared = budget();
  const gzipped = { "content-encoding": "gzip" };
  const random = crypto.getRandomValues(new Uint8Array(50_000));
  assert.deepEqual(await readBody(request(await gzip(random), gzipped), max, shared), random);
  const largest = await gzip(new Uint8Array(max));
  assert.equal((await readBody(request(largest, gzipped), max, shared)).length, max);
  const over = await gzip(new Uint8Array(max + 1));
  assert.deepEqual(await statusOf(readBody(request(over, gzipped), max, shared)), [
    413,
    "too_large",
  ]);
  const bomb = await gzip(new Uint8Array(64 * max));
  const before = Deno.memoryUsage().rss;
  assert.deepEqual(await statusOf(readBody(request(bomb, gzipped), max, shared)), [
    413,
    "too_large",
  ]);
  const grown = (Deno.memoryUsage().rss - before) / max;
  assert.ok(grown < 32, `a bomb of 64 MiB grew the process by ${grown.toFixed(0)} MiB`);
  assert.equal(shared.bytesTaken, 0);
});

Deno.test("readBody() answers 400 to what is not gzip, or not all of it", async () => {
  const gzipped = { "content-encoding": "gzip" };
  const whole = await gzip(new TextEncoder().encode(`{"a":1}`));
  for (const bytes of [new Uint8Array([1, 2, 3]), whole.slice(0, 12), new Uint8Array(0)]) {
    const read = readBody(request(bytes, gzipped), max, budget());
    assert.deepEqual(await statusOf(read), [400, "invalid_gzip"]);
  }
});

Deno.test("readBody() answers 503 when all bodies together are too much", async () => {
  const shared = new ByteBudget(100_000);
  const large = request(new Uint8Array(200_000));
  assert.deepEqual(await statusOf(readBody(large, max, shared)), [503, "unavailable"]);
  assert.equal(shared.bytesTaken, 0);
  assert.equal((await readBody(request(new Uint8Array(90_000)), max, shared)).length, 90_000);
});

Deno.test("readBody() answers 400 when the body breaks off", async () => {
  const broken = new ReadableStream({
    start(controller) {
      controller.enqueue(new Uint8Array(10));
      controller.error(new TypeError("connection reset"));
    },
  });
  assert.deepEqual(await statusOf(readBody(request(broken), max, budget())), [400, "bad_request"]);
});

Deno.test("readBody() gives a body time by its bytes, and 408 to one that comes too slowly", async () => {
  const shared = budget();
  let isCancelled = false;
  const parts = [new Uint8Array(40_000), new Uint8Array(40_000)];
  const stream = new ReadableStream<Uint8Array<ArrayBuffer>>({
    pull(controller) {
      const part = parts.shift();
      // Then nothing more comes, and nothing ends it.
      if (part === undefined) return new Promise<void>(() => {});
      controller.enqueue(part);
      return undefined;
    },
    cancel: () => void (isCancelled = true),
  });
  const startedAt = performance.now();
  const times = { bodyMs: 20, bodyBytesPerSecondMin: 1_000_000 };
  const slow = readBody(request(stream), max, shared, times);
  assert.deepEqual(await statusOf(slow), [408, "request_timeout"]);
  // 20 ms, and 80 for what had come of it.
  assert.ok(performance.now() - startedAt >= 99);
  assert.ok(isCancelled);
  assert.ok(shared.take(8 * max), "what it took of the budget is given back");
});

Deno.test("dropBody() leaves the connection of a small body to the next request", async () => {
  const serve = async (request: Request) => {
    dropBody(request);
    await bodyDropped(request);
    return new Response(null, { status: 503 });
  };
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, serve);
  const { port } = server.addr;
  const conn = await Deno.connect({ hostname: "127.0.0.1", port });
  const send = (text: string) => conn.write(new TextEncoder().encode(text));
  const statusOf = async () => {
    const buffer = new Uint8Array(1_024);
    const read = await conn.read(buffer);
    return read === null ? "closed" : new TextDecoder().decode(buffer.subarray(9, 12));
  };
  for (let n = 0; n < 3; n++) {
    await send(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 40000\r\n\r\n${"x".repeat(10_000)}`);
    await send("x".repeat(30_000));
    assert.equal(await statusOf(), "503");
  }
  conn.close();
  await server.shutdown();
});

Deno.test("bodyDropped() does not wait for ever for a body that does not come", async () => {
  const never = new ReadableStream({ start: (c) => c.enqueue(new Uint8Array(10)) });
  const slow = request(never, { "content-length": "40" });
  dropBody(slow);
  await bodyDropped(slow);
  assert.equal(bodyDropped(request("a")), undefined);
});
