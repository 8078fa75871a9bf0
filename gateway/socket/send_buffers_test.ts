import assert from "node:assert/strict";
import { boundSendBuffers } from "./send_buffers.ts";

/** How much a connection takes of what nobody reads. */
async function taken(bound: number | undefined): Promise<number> {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  if (bound !== undefined) assert.equal(boundSendBuffers(port, bound), true);
  const client = await Deno.connect({ hostname: "127.0.0.1", port });
  const served = await listener.accept();
  let bytes = 0;
  let isStuck = false;
  const part = new Uint8Array(64 * 1024);
  while (!isStuck && bytes < 64 * 1024 * 1024) {
    const written = served.write(part);
    const timer = setTimeout(() => {
      isStuck = true;
      client.close();
    }, 1000);
    bytes += await written.catch(() => 0);
    clearTimeout(timer);
  }
  if (!isStuck) client.close();
  served.close();
  listener.close();
  return bytes;
}

Deno.test({
  name: "boundSendBuffers() bounds what the kernel takes for a client that does not read",
  ignore: Deno.build.os !== "linux",
  async fn() {
    const bounded = await taken(32 * 1024);
    const unbounded = await taken(undefined);
    // What the client's own kernel takes is the same for both.
    assert.ok(bounded < 1024 * 1024, `bounded: ${bounded} bytes`);
    assert.ok(bounded < unbounded / 2, `${bounded} bytes against ${unbounded}`);
  },
});

Deno.test("boundSendBuffers() says when there is no such listener", () => {
  assert.equal(boundSendBuffers(1, 32 * 1024), false);
});
