import assert from "node:assert/strict";
import { until } from "../testing/test_gateway.ts";
import { connectionCutter, peerName } from "./cut_connection.ts";
import { RawClient } from "./testing/raw_client.ts";

Deno.test("peerName() has one name for an address however it is written", () => {
  assert.equal(peerName({ hostname: "10.1.2.3", port: 5 }), "10.1.2.3:5");
  assert.equal(peerName({ hostname: "::ffff:10.1.2.3", port: 5 }), "10.1.2.3:5");
  const long = "20010db8000000000000000000000001:5";
  assert.equal(peerName({ hostname: "2001:db8::1", port: 5 }), long);
  assert.equal(peerName({ hostname: "2001:DB8:0:0:0:0:0:1", port: 5 }), long);
  assert.equal(peerName({ hostname: "::1", port: 7 }), `${"0".repeat(31)}1:7`);
});

const isHere = Deno.build.os === "linux" || Deno.build.os === "darwin";

Deno.test({
  name: "connectionCutter() ends a WebSocket whose reader has stalled, and leaves others alone",
  ignore: !isHere,
  async fn() {
    const cut = connectionCutter()!;
    const sockets: { socket: WebSocket; peer: Deno.NetAddr; closes: number }[] = [];
    const server = Deno.serve(
      { port: 0, hostname: "127.0.0.1", onListen() {} },
      (request, info) => {
        const peer = info.remoteAddr;
        const { socket, response } = Deno.upgradeWebSocket(request, { idleTimeout: 0 });
        const entry = { socket, peer, closes: 0 };
        socket.addEventListener("close", () => entry.closes++);
        socket.addEventListener("error", () => {});
        socket.addEventListener("open", () => sockets.push(entry));
        return response;
      },
    );
    const url = `http://127.0.0.1:${server.addr.port}`;
    const [stalled, good] = [await RawClient.open(url, "/"), await RawClient.open(url, "/")];
    await until(() => sockets.length === 2, "both are open");
    const { port } = stalled.conn.localAddr as Deno.NetAddr;
    const entry = sockets.find(({ peer }) => peer.port === port)!;
    const other = sockets.find(({ peer }) => peer.port !== port)!;
    // More than the kernel takes for somebody who does not read.
    for (let i = 0; i < 16; i++) entry.socket.send("x".repeat(1024 * 1024));
    await until(() => entry.socket.bufferedAmount > 0, "bytes wait");
    entry.socket.close(4429, "");
    assert.equal(cut([{ hostname: "127.0.0.1", port: 1 }]), 0);
    assert.equal(cut([entry.peer]), 1);
    await until(() => entry.closes > 0, "the runtime lets go");
    assert.equal(other.socket.readyState, WebSocket.OPEN);
    assert.equal(other.closes, 0);
    stalled.close();
    good.close();
    await until(() => other.closes > 0, "the good one leaves by itself");
    await server.shutdown();
  },
});
