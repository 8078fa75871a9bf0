import assert from "node:assert/strict";
import { connectionsTo, parseConnections } from "./kernel_sockets.ts";

Deno.test("parseConnections() reads the connections of a port, not its listener", () => {
  const text = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid
   1: 0100007F:8D29 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1
   2: 0100007F:8D29 0100007F:D7B0 01 003E1000:00000000 04:0000051B 00000000     0        0 2 2
   3: 0100007F:D7B0 0100007F:8D29 01 00000000:0001F750 00:00000000 00000000     0        0 3 1
   4: 0100007F:8D29 0100007F:D7B1 04 00000001:00000000 04:0000051B 00000000     0        0 4 2
`;
  assert.deepEqual(parseConnections(text, 0x8d29), [
    { remotePort: 0xd7b0, isEstablished: true, unsentBytes: 0x3e1000 },
    { remotePort: 0xd7b1, isEstablished: false, unsentBytes: 1 },
  ]);
});

Deno.test({
  name: "connectionsTo() sees a connection of this machine, and what was not read",
  ignore: Deno.build.os !== "linux",
  async fn() {
    const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const { port } = listener.addr;
    const client = await Deno.connect({ hostname: "127.0.0.1", port });
    const served = await listener.accept();
    const found = connectionsTo(port).get(client.localAddr.port);
    assert.equal(found?.isEstablished, true);
    for (const conn of [client, served]) conn.close();
    listener.close();
    assert.notEqual(connectionsTo(port).get(client.localAddr.port)?.isEstablished, true);
  },
});
