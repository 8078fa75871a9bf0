import assert from "node:assert/strict";
import { findOffset, isFree, portsOf } from "./ports.ts";
import { serviceNames } from "./service.ts";

Deno.test("portsOf() gives no port to two services, at any two offsets side by side", () => {
  const seen = new Map<number, string>();
  for (let portOffset = 0; portOffset <= 90; portOffset += 10) {
    for (const name of serviceNames) {
      for (const port of portsOf({ portOffset, brokers: 3 }, name)) {
        assert.equal(seen.get(port), undefined, `${port} of ${name} at ${portOffset}`);
        seen.set(port, name);
      }
    }
  }
});

Deno.test("isFree() is false while somebody listens", () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  assert.equal(isFree(port), false);
  listener.close();
  assert.equal(isFree(port), true);
});

Deno.test("findOffset() passes over offsets with a port that is taken", () => {
  const first = findOffset(1, ["qdrant"]);
  const [port] = portsOf({ portOffset: first, brokers: 1 }, "qdrant");
  using _listener = Deno.listen({ hostname: "127.0.0.1", port: port! });
  const second = findOffset(1, ["qdrant"]);
  assert.ok(second > first, `${second} after ${first}`);
});
