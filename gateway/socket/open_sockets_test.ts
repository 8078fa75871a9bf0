import assert from "node:assert/strict";
import { limits } from "../../schema/limits.ts";
import { principalOf } from "../../schema/principal.ts";
import { Problem } from "../problem.ts";
import { until } from "../testing/test_gateway.ts";
import type { Peer } from "./cut_connection.ts";
import { OpenSockets } from "./open_sockets.ts";
import { FakeSocket } from "./testing/fake_socket.ts";

const key = principalOf({ id: "k", role: "writer", studio: "demo" });
const user = { ...key, id: "demo/u", userId: "u" };
const peer = (hostname: string, port = 1): Peer => ({ hostname, port });

function world() {
  const open: number[] = [];
  const cut: Peer[] = [];
  const time = { ms: 0 };
  const sockets = new OpenSockets({
    metrics: { webSockets: (count) => open.push(count) },
    log: { warn() {} },
    cut: (peers) => cut.push(...peers),
    now: () => time.ms,
    later: (run) => run(),
    lookMs: 1,
  });
  return { open, cut, time, sockets };
}

function refusedAs(code: string, message: RegExp) {
  return (error: unknown) =>
    error instanceof Problem && error.code === code && message.test(error.detail);
}

Deno.test("OpenSockets counts what is open and forgets what has closed, once", () => {
  const { open, sockets } = world();
  const raw = new FakeSocket();
  sockets.add(raw, undefined, undefined);
  raw.closed();
  raw.closed();
  assert.deepEqual([open, sockets.size], [[1, 0], 0]);
});

Deno.test("OpenSockets refuses too many of one address, by network for IPv6, not of this machine", () => {
  const { sockets } = world();
  const raws = Array.from({ length: limits.webSocketsPerAddressMax }, () => new FakeSocket());
  for (const [i, raw] of raws.entries()) sockets.add(raw, peer(`2001:db8::${i % 9}`, i), undefined);
  const refused = refusedAs("rate_limited", /one address/);
  assert.throws(() => sockets.enter(peer("2001:db8::ffff"), undefined), refused);
  sockets.enter(peer("2001:db8:1::1"), undefined);
  raws[0]!.closed();
  sockets.enter(peer("2001:db8::ffff"), undefined);
  const local = world().sockets;
  for (let i = 0; i < limits.webSocketsPerAddressMax; i++) {
    local.add(new FakeSocket(), peer("127.0.0.1", i), undefined);
  }
  local.enter(peer("127.0.0.1"), undefined);
});

Deno.test("OpenSockets refuses too many of one user before the upgrade, and closes them after it", () => {
  const { sockets } = world();
  const raws = Array.from({ length: limits.webSocketsPerUserMax }, () => new FakeSocket());
  for (const raw of raws) sockets.add(raw, undefined, user);
  assert.throws(() => sockets.enter(undefined, user), refusedAs("rate_limited", /one user/));
  sockets.enter(undefined, key);
  const late = new FakeSocket();
  const client = sockets.add(late, undefined, undefined);
  assert.equal(sockets.claim(client, user), false);
  assert.deepEqual(late.closes, [4429]);
  raws[0]!.closed();
  const next = sockets.add(new FakeSocket(), undefined, undefined);
  assert.equal(sockets.claim(next, user), true);
  assert.equal(sockets.claim(next, user), true, "who is counted already is not counted again");
  late.closed();
});

Deno.test("OpenSockets cuts who does not close, and nobody else", async () => {
  const { cut, time, sockets } = world();
  const [stuck, polite] = [new FakeSocket(), new FakeSocket()];
  const clients = [stuck, polite].map((raw, i) =>
    sockets.add(raw, peer("10.0.0.1", i + 1), undefined)
  );
  for (const client of clients) client.close(4408, "");
  polite.closed();
  time.ms = limits.webSocketLingerMs;
  await until(() => cut.length > 0, "the stuck one is cut");
  assert.deepEqual(cut[0], peer("10.0.0.1", 1));
  assert.ok(cut.every(({ port }) => port === 1));
  stuck.closed();
  assert.equal(sockets.size, 0);
});

Deno.test("OpenSockets cuts who has closed with bytes unsent, once", async () => {
  const { cut, sockets } = world();
  const [full, empty] = [new FakeSocket(), new FakeSocket()];
  const clients = [full, empty].map((raw, i) =>
    sockets.add(raw, peer("10.0.0.1", i + 1), undefined)
  );
  clients[0]!.send("unread");
  for (const client of clients) client.close(4429, "");
  for (const raw of [full, empty]) raw.closed();
  await until(() => cut.length > 0, "the full one is cut");
  await new Promise((resolve) => setTimeout(resolve, 10));
  assert.deepEqual(cut, [peer("10.0.0.1", 1)]);
});

Deno.test("OpenSockets cuts whom the runtime has given up for want of a pong", async () => {
  const { cut, sockets } = world();
  const raws = [1, 2, 3].map((port) => {
    const raw = new FakeSocket();
    sockets.add(raw, peer("10.0.0.1", port), undefined);
    return raw;
  });
  raws[0]!.closed(1001, false);
  raws[1]!.closed(1001, true);
  raws[2]!.closed(1006, false);
  await until(() => cut.length > 0, "the silent one is cut");
  assert.deepEqual(cut, [peer("10.0.0.1", 1)]);
});

Deno.test("OpenSockets closes all with 1001", () => {
  const { sockets } = world();
  const raws = [new FakeSocket(), new FakeSocket()];
  for (const raw of raws) sockets.add(raw, undefined, undefined);
  sockets.closeAll();
  assert.deepEqual(raws.map(({ closes }) => closes), [[1001], [1001]]);
  for (const raw of raws) raw.closed();
});

Deno.test("OpenSockets counts who names himself anew as whom he names now", () => {
  const { sockets } = world();
  for (let i = 0; i < limits.webSocketsPerUserMax; i++) {
    const client = sockets.add(new FakeSocket(), undefined, key);
    assert.equal(sockets.claim(client, user), true);
  }
  const client = sockets.add(new FakeSocket(), undefined, key);
  assert.equal(sockets.claim(client, user), false, "a key's place is none of its user's");
});

Deno.test("OpenSockets counts IPv4 in IPv6, which is no address of this machine, however it is written", () => {
  const { sockets } = world();
  for (let i = 0; i < limits.webSocketsPerAddressMax; i++) {
    sockets.add(new FakeSocket(), peer("0:0:0:0:0:ffff:c000:201", i), undefined);
  }
  const refused = refusedAs("rate_limited", /one address/);
  assert.throws(() => sockets.enter(peer("192.0.2.1"), undefined), refused);
  sockets.enter(peer("::ffff:c000:202"), undefined);
});
