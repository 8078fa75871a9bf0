import assert from "node:assert/strict";
import { noLog, noMetrics } from "../deps.ts";
import { Standing } from "../live/standing.ts";
import { Problem } from "../problem.ts";
import { serving, testKeys, testNow, until } from "../testing/test_gateway.ts";
import { SocketClient } from "../testing/socket_client.ts";
import { closeCode } from "./client_socket.ts";
import { OpenSockets } from "./open_sockets.ts";
import { isUpgrade, Upgrades } from "./upgrades.ts";

function world() {
  const sockets = new OpenSockets({ metrics: noMetrics, log: noLog });
  const standing = new Standing({ keys: testKeys, now: () => testNow });
  const upgrades = new Upgrades({ keys: testKeys, sockets, standing, isBounded: true });
  const named: (string | undefined)[] = [];
  const open = (request: Request) =>
    upgrades.open(request, undefined, (client, principal) => {
      named.push(principal?.id);
      client.socket.addEventListener("error", () => {});
    });
  return { sockets, upgrades, named, open };
}

const request = (key?: string) =>
  new Request("http://gateway/ws", {
    headers: key === undefined ? {} : { authorization: `Bearer ${key}` },
  });

const refused = (status: number, retryAfter?: string) => (error: unknown) =>
  error instanceof Problem && error.status === status &&
  error.options.headers?.["retry-after"] === retryAfter;

Deno.test("isUpgrade() reads the header as HTTP does", () => {
  const asked = (upgrade: string) => isUpgrade(new Request("http://g/", { headers: { upgrade } }));
  assert.deepEqual([asked("WebSocket"), asked("h2c"), isUpgrade(request())], [true, false, false]);
});

Deno.test("Upgrades.open() serves whom the headers name, and who may yet say so", async () => {
  const { sockets, named, open } = world();
  await serving({ fetch: open }, async (url) => {
    const known = await SocketClient.open(url, "/", { key: "reader" });
    const unknown = await SocketClient.open(url, "/");
    assert.deepEqual(named, ["reader", undefined]);
    assert.equal(sockets.size, 2);
    await Promise.all([known.close(), unknown.close()]);
    await until(() => sockets.size === 0, "both are gone");
  });
});

Deno.test("Upgrades.open() refuses a wrong key, and everybody once the node goes away", async () => {
  const { sockets, upgrades, named, open } = world();
  await assert.rejects(open(request("wrong")), refused(401));
  await serving({ fetch: open }, async (url) => {
    const client = await SocketClient.open(url, "/");
    upgrades.drain();
    assert.equal(await client.closed(), closeCode.goingAway);
    await until(() => sockets.size === 0, "it is closed");
  });
  await assert.rejects(open(request("reader")), refused(503, "1"));
  assert.deepEqual(named, [undefined]);
});
