import assert from "node:assert/strict";
import { ActorHalted, Misdirected, Unavailable } from "../../../schema/errors.ts";
import { createLogger, type Logger } from "../../observability/logger.ts";
import { systemClock } from "../../shard/clock.ts";
import { WatchHub } from "../../worker/watch_hub.ts";
import type { Fired, WorkerWatch } from "../../worker/worker_protocol.ts";
import { until } from "../testing/cluster_world.ts";
import { linkPath, LinkServer } from "./link_server.ts";
import { PeerLink } from "./peer_link.ts";

const quiet = createLogger({ write() {}, level: () => "silent", now: () => 0 });
const shard = { stage: "player", partition: 3 } as const;

/** A node that serves, and what it was asked. */
function serve(answer: (name: string, input: unknown) => unknown = () => undefined) {
  const asked: unknown[] = [];
  const nudges: string[] = [];
  const told = new Map<number, WorkerWatch>();
  const watches = new WatchHub((watch) => told.set(watch.id, watch), (id) => told.delete(id));
  const state = { hasLease: true };
  const server = new LinkServer({
    life: "b#1",
    token: "s3cret",
    shards: {
      watches,
      // deno-lint-ignore require-await
      call: async (...call) => {
        asked.push(call);
        return answer(call[1], call[2]) as never;
      },
      callAll: (...call) => Promise.resolve([call as never]),
      freshReports: () => Promise.resolve([]),
    },
    hasLease: () => state.hasLease,
    onNudge: () => nudges.push("nudge"),
  });
  const open = (port = 0) =>
    Deno.serve({ hostname: "127.0.0.1", port, onListen() {} }, server.fetch);
  let http = open();
  const { port } = http.addr;
  return {
    asked,
    nudges,
    told,
    watches,
    state,
    server,
    port,
    url: `http://127.0.0.1:${port}`,
    /** Breaks every link, and listens again. */
    restart: async () => {
      server.close();
      await http.shutdown();
      http = open(port);
    },
    end: async () => {
      server.close();
      await http.shutdown();
    },
  };
}

function link(url: string, options: { life?: string; token?: string; log?: Logger } = {}) {
  const { life = "b#1", token = "s3cret", log = quiet } = options;
  const fired: Fired[] = [];
  let opened = 0;
  const peer = new PeerLink({
    node: { nodeId: "b", life, url, roles: [], workers: 1, isLeaving: false, wants: [] },
    token,
    clock: systemClock(),
    log,
    onOpen: () => opened++,
    onFired: (notice) => fired.push(notice),
  });
  return { peer, fired, opened: () => opened };
}

Deno.test("LinkServer lets in who shows the token, and looks for this life", async () => {
  const { url, server, end } = serve();
  const get = async (path: string, token?: string) => {
    const headers: HeadersInit = token === undefined ? {} : { authorization: `Bearer ${token}` };
    const response = await fetch(new URL(path, url), { headers });
    return [response.status, JSON.parse(await response.text()).code];
  };
  assert.deepEqual(await get(linkPath), [401, "unauthorized"]);
  assert.deepEqual(await get(linkPath, "s3cre"), [401, "unauthorized"]);
  assert.deepEqual(await get(`${linkPath}?life=b%230`, "s3cret"), [421, "misdirected"]);
  assert.deepEqual(await get(`${linkPath}?life=b%231`, "s3cret"), [426, "upgrade_required"]);
  assert.deepEqual(await get("/cluster/else", "s3cret"), [404, "not_found"]);
  const wrong = link(url, { token: "guess" });
  await new Promise((resolve) => setTimeout(resolve, 200));
  assert.deepEqual([wrong.peer.isOpen, server.size], [false, 0]);
  await assert.rejects(wrong.peer.call("ping", undefined, 1000), Unavailable);
  wrong.peer.close();
  await end();
});

Deno.test("PeerLink calls the peer's shards, and errors keep their class", async () => {
  const served = serve((name, input) => {
    if (name === "inspect") throw new ActorHalted("demo/ann", "it threw");
    if (name === "diff") throw new Misdirected("not mine");
    return { got: input };
  });
  const { peer } = link(served.url);
  await until(() => peer.isOpen);
  const call = (name: string) => peer.call("call", { shard, name, input: [1, "x"] }, 5000);
  assert.deepEqual(await call("ask"), { got: [1, "x"] });
  assert.deepEqual(served.asked, [[shard, "ask", [1, "x"]]]);
  await assert.rejects(call("inspect"), { name: "ActorHalted", reason: "it threw" });
  await assert.rejects(call("diff"), Misdirected);
  await assert.rejects(call("stop"), Misdirected);
  assert.equal(served.asked.length, 3);
  assert.deepEqual(await peer.call("all", { name: "halted", input: 1 }, 5000), [["halted", 1]]);
  await assert.rejects(peer.call("all", { name: "init", input: 1 }, 5000), Misdirected);
  peer.notify("nudge", undefined);
  await until(() => served.nudges.length === 1);
  peer.close();
  await served.end();
});

Deno.test("LinkServer answers from no shard once the lease has run out", async () => {
  const served = serve(() => 1);
  const { peer } = link(served.url);
  await until(() => peer.isOpen);
  served.state.hasLease = false;
  await assert.rejects(peer.call("call", { shard, name: "ask", input: 0 }, 5000), {
    name: "Unavailable",
    resource: "cluster",
  });
  assert.deepEqual(served.asked, []);
  peer.close();
  await served.end();
});

Deno.test("PeerLink fails what waits when the link breaks, and links again", async () => {
  const { promise: never, resolve } = Promise.withResolvers<number>();
  const served = serve((name) => name === "ask" ? never : 7);
  const { peer, opened } = link(served.url);
  await until(() => peer.isOpen);
  const waits = assert.rejects(
    peer.call("call", { shard, name: "ask", input: 0 }, 60_000),
    { name: "Unavailable", resource: "shard" },
  );
  await until(() => served.asked.length === 1);
  await served.restart();
  await waits;
  await until(() => opened() === 2);
  assert.equal(await peer.call("call", { shard, name: "inspect", input: 0 }, 5000), 7);
  await assert.rejects(peer.call("call", { shard, name: "ask", input: 0 }, 50), /did not answer/);
  resolve(0);
  peer.close();
  await until(() => served.server.size === 0);
  await served.end();
});

Deno.test("PeerLink tells once of a peer that it cannot reach", async () => {
  const lines: string[] = [];
  const log = createLogger({
    write: (line) => lines.push(line),
    level: () => "info",
    now: () => 0,
  });
  const served = serve();
  await served.end();
  const { peer } = link(served.url, { log });
  await until(() => lines.length === 1);
  assert.match(lines[0]!, /Cannot link to a node that is alive: is its ADVERTISED_URL right/);
  await new Promise((resolve) => setTimeout(resolve, 1500));
  peer.close();
  assert.equal(lines.length, 1);
});

Deno.test("PeerLink brings what a watch sees over there, until it is taken back", async () => {
  const served = serve();
  const { peer, fired } = link(served.url);
  await until(() => peer.isOpen);
  peer.notify("watch", { id: 9, spec: { type: "actor", stage: "player", actorId: "demo/ann" } });
  await until(() => served.told.size === 1);
  const [id] = served.told.keys();
  served.watches.fired({ id: id!, events: null });
  await until(() => fired.length === 1);
  assert.deepEqual(fired, [{ id: 9, events: null }]);
  peer.notify("unwatch", 9);
  await until(() => served.told.size === 0);
  peer.notify("watch", { id: 10, spec: { type: "events", studio: "demo", filter: {} } });
  await until(() => served.told.size === 1);
  // Whoever is gone watches nothing.
  peer.close();
  await until(() => served.told.size === 0);
  await served.end();
});
