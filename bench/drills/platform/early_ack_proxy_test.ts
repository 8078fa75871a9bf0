import assert from "node:assert/strict";
import { startEarlyAckProxy } from "./early_ack_proxy.ts";

Deno.test("startEarlyAckProxy() acknowledges what never arrives, and passes the rest on", async () => {
  const taken: string[] = [];
  const upstream = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    async (request) => {
      taken.push(`${request.method} ${new URL(request.url).pathname} ${await request.text()}`);
      return new Response("from upstream", { status: 418 });
    },
  );
  const url = `http://127.0.0.1:${upstream.addr.port}`;
  const proxy = startEarlyAckProxy(url);
  const post = () => fetch(`${proxy.url}/api/v1/events`, { method: "POST", body: '[{"a":1},{}]' });
  const first = await post();
  assert.deepEqual([first.status, await first.json()], [202, { accepted: 2, rejected: [] }]);
  const other = await fetch(`${proxy.url}/graphql`, { method: "POST", body: "q" });
  assert.deepEqual([other.status, await other.text()], [418, "from upstream"]);
  await upstream.shutdown();
  const second = await post();
  assert.deepEqual([second.status, (await second.json()).accepted], [202, 2]);
  await proxy.close();
  assert.deepEqual(taken.sort(), ['POST /api/v1/events [{"a":1},{}]', "POST /graphql q"]);
});
