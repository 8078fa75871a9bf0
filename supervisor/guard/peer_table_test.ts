import assert from "node:assert/strict";
import fc from "fast-check";
import { parseAddress } from "../../schema/net/cidr.ts";
import { PeerTable, peerTableBytes } from "./peer_table.ts";

Deno.test("PeerTable tells addresses of every family as the system does", () => {
  const table = new PeerTable();
  assert.equal(table.buffer.byteLength, peerTableBytes);
  const addresses = [
    ...["0.0.0.0", "127.0.0.1", "192.0.2.1", "255.255.255.255"],
    ...["::", "::1", "2001:db8::1", "2001:db8:0:1:1:1:1:1", "fe80::1:0:0:1", "1::", "1:0:0:2::"],
    ...["::ffff:192.0.2.1", "::ffff:255.0.0.1", "::fffe:c000:201", "ffff:ffff::ffff"],
  ];
  for (const [i, hostname] of addresses.entries()) table.set(i, { hostname, port: 65_535 - i });
  for (const [i, hostname] of addresses.entries()) {
    assert.deepEqual(table.get(i), { hostname, port: 65_535 - i });
  }
  assert.equal(table.get(addresses.length), undefined);
});

Deno.test("PeerTable tells what proxies wrote in other ways in the usual one", () => {
  const table = new PeerTable();
  const told = (hostname: string) => {
    table.set(1, { hostname, port: 1 });
    return table.get(1)?.hostname;
  };
  assert.equal(told("2001:DB8:0:0:0:0:0:1"), "2001:db8::1");
  assert.equal(told("0:0:0:0:0:FFFF:c000:0201"), "::ffff:192.0.2.1");
  assert.equal(told("fe80::1%eth0"), "fe80::1");
  assert.equal(told("nobody"), undefined);
});

Deno.test("PeerTable.get() tells any IPv6 address as URLs have it", () => {
  const table = new PeerTable();
  const group = fc.oneof(fc.constant(0), fc.nat(0xffff));
  fc.assert(fc.property(fc.array(group, { minLength: 8, maxLength: 8 }), (groups) => {
    const hostname = groups.map((group) => group.toString(16)).join(":");
    fc.pre(parseAddress(hostname)!.length === 16);
    table.set(65_535, { hostname, port: 1 });
    assert.equal(`[${table.get(65_535)!.hostname}]`, new URL(`http://[${hostname}]`).hostname);
  }));
});

Deno.test("PeerTable forgets a port, and gives it to the next one wholly", () => {
  const table = new PeerTable();
  table.set(7, { hostname: "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", port: 1 });
  table.delete(7);
  assert.equal(table.get(7), undefined);
  table.set(7, { hostname: "192.0.2.9", port: 2 });
  assert.deepEqual(table.get(7), { hostname: "192.0.2.9", port: 2 });
  assert.deepEqual([table.get(6), table.get(8)], [undefined, undefined]);
  table.set(7, { hostname: "::1", port: 3 });
  assert.deepEqual(new PeerTable(table.buffer).get(7), { hostname: "::1", port: 3 });
});

Deno.test("PeerTable.get() knows nobody while a change never ends", () => {
  const table = new PeerTable();
  table.set(0, { hostname: "192.0.2.1", port: 4711 });
  const cells = new Int32Array(table.buffer);
  cells[0]!++;
  assert.equal(table.get(0), undefined);
  cells[0]!++;
  assert.deepEqual(table.get(0), { hostname: "192.0.2.1", port: 4711 });
});

Deno.test("PeerTable.get() never tells half of one and half of another", async () => {
  const table = new PeerTable();
  const peers = [
    { hostname: "1111:1111:1111:1111:1111:1111:1111:1111", port: 0x1111 },
    { hostname: "2222:2222:2222:2222:2222:2222:2222:2222", port: 0x2222 },
  ];
  // It goes on until the first cell of the other buffer is set.
  const program = `
    import { PeerTable } from ${JSON.stringify(import.meta.resolve("./peer_table.ts"))};
    self.onmessage = ({ data: { buffer, end, peers } }) => {
      const [table, over] = [new PeerTable(buffer), new Int32Array(end)];
      while (Atomics.load(over, 0) === 0) {
        for (const peer of peers) table.set(443, peer);
        table.delete(443);
      }
      self.postMessage("ended");
    };`;
  const url = URL.createObjectURL(new Blob([program], { type: "text/javascript" }));
  const worker = new Worker(url, { type: "module" });
  const end = new SharedArrayBuffer(4);
  const ended = new Promise((resolve) => worker.onmessage = resolve);
  worker.postMessage({ buffer: table.buffer, end, peers });
  const seen = new Map<string, number>();
  const deadline = performance.now() + 30_000;
  try {
    const isEnough = () => peers.every(({ hostname }) => (seen.get(hostname) ?? 0) >= 5_000);
    while (!isEnough() && performance.now() < deadline) {
      // The worker has to start, and a machine may have one processor only.
      await new Promise((resolve) => setTimeout(resolve));
      for (let i = 0; i < 10_000; i++) {
        const peer = table.get(443);
        const name = peer?.hostname ?? "nobody";
        if (peer !== undefined) {
          assert.deepEqual(peer, peers.find(({ hostname }) => hostname === name));
        }
        seen.set(name, (seen.get(name) ?? 0) + 1);
      }
    }
    assert.ok(isEnough(), `seen too little: ${JSON.stringify([...seen])}`);
  } finally {
    Atomics.store(new Int32Array(end), 0, 1);
    await ended;
    worker.terminate();
    URL.revokeObjectURL(url);
  }
});
