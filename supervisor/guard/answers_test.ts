import assert from "node:assert/strict";
import { refusal, streamOf } from "./answers.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

Deno.test("streamOf() tells answers from what goes on", () => {
  const ok = "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n\r\n101";
  const next = "HTTP/1.1 100 Continue\r\n\r\n";
  assert.equal(streamOf(bytes(ok)), "answer");
  assert.equal(streamOf(bytes("HTTP/1.1 101 Switching Protocols\r\n\r\n")), "tunnel");
  assert.equal(
    streamOf(bytes("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")),
    "events",
  );
  assert.equal(streamOf(bytes(next)), "interim");
  assert.equal(streamOf(bytes(next + ok)), "answer");
});

Deno.test("refusal() is a whole answer, with the time to come back where there is one", () => {
  const text = new TextDecoder().decode(refusal({ status: 503, detail: "full" }));
  const [head = "", body = ""] = text.split("\r\n\r\n");
  assert.match(
    head,
    /^HTTP\/1\.1 503 Service Unavailable\r\n[^]*Retry-After: 2\r\nConnection: close$/,
  );
  assert.match(head, new RegExp(`Content-Length: ${body.length}\r\n`));
  assert.deepEqual(JSON.parse(body).code, "overloaded");
});
