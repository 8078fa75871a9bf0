import assert from "node:assert/strict";
import { InvalidInput, Misdirected, Unavailable } from "../../schema/errors.ts";
import { limits } from "../../schema/limits.ts";
import { noMetrics } from "../observability/metrics_sink.ts";
import { FakeClock } from "../tree/tree_fakes.ts";
import { ClusterShards } from "./cluster_shards.ts";
import type { ClusterNode } from "./membership/membership.ts";
import type { PeerLink } from "./peers/peer_link.ts";

const shard = { stage: "player", partition: 0 } as const;
const nodeOf = (nodeId: string): ClusterNode => ({
  nodeId,
  life: nodeId,
  url: "http://x",
  roles: ["player"],
  workers: 1,
  isLeaving: false,
  wants: [],
});

/** A directory of which everything can be said. */
function open() {
  const clock = new FakeClock();
  /** By what the machine's clock was set, milliseconds. */
  const set = { byMs: 0 };
  const calls: string[] = [];
  const state = {
    isOwn: false,
    hasLease: true,
    owner: undefined as string | undefined,
    own: (): unknown => "own",
    peers: {} as Record<string, () => unknown>,
    looks: 0,
    onLook: () => {},
  };
  const link = (life: string) =>
    ({
      // deno-lint-ignore require-await
      call: async (kind: string) => {
        calls.push(`${life} ${kind}`);
        return state.peers[life]!();
      },
    }) as unknown as PeerLink;
  const shards = new ClusterShards({
    allShards: [shard],
    own: {
      has: () => state.isOwn,
      // deno-lint-ignore require-await
      call: async <T>() => {
        calls.push("own");
        return state.own() as T;
      },
      callAll: <T>() => Promise.resolve(["own" as T]),
      placeOf: () => ({ node: "me", worker: "worker-0" }),
      freshReports: () => Promise.resolve([]),
      shards: () => [],
    },
    member: {
      get hasLease() {
        return state.hasLease;
      },
      ownerOf: () => state.owner === undefined ? undefined : nodeOf(state.owner),
      look: () => {
        state.looks++;
        state.onLook();
      },
    },
    peers: {
      link: (life) => life in state.peers ? link(life) : undefined,
      all: () => Object.keys(state.peers).map(link),
    },
    clock: { now: () => clock.now() + set.byMs, sleep: (ms) => clock.sleep(ms) },
    monotonic: () => clock.now(),
    metrics: noMetrics,
  });
  /** The outcome of a call, while time passes. */
  const call = async (name: string, ms: number = limits.moveWaitMsMax + 1000) => {
    const outcome = shards.call(shard, name, 0).then(
      (value) => ({ value }),
      (error) => ({ error }),
    );
    await clock.advance(ms);
    return await outcome as { value?: unknown; error?: Error };
  };
  return { state, calls, clock, set, shards, call };
}

Deno.test("ClusterShards.call() asks the workers of this node for its own shards", async () => {
  const { state, calls, call } = open();
  state.isOwn = true;
  assert.deepEqual(await call("ask", 0), { value: "own" });
  assert.deepEqual(calls, ["own"]);
});

Deno.test("ClusterShards.call() asks the owner, and looks again when it is no longer that", async () => {
  const { state, calls, call } = open();
  state.owner = "b";
  state.peers = {
    b: () => {
      throw new Misdirected("not mine");
    },
    c: () => "of c",
  };
  state.onLook = () => void (state.owner = "c");
  assert.deepEqual(await call("ask", 100), { value: "of c" });
  assert.deepEqual([calls, state.looks], [["b call", "c call"], 1]);
});

Deno.test("ClusterShards.call() waits for a shard that moves, up to a limit", async () => {
  const { state, call, clock } = open();
  clock.sleep(1000).then(() => state.isOwn = true);
  assert.deepEqual(await call("ask", 1200), { value: "own" });
  state.isOwn = false;
  const { error } = await call("ask");
  assert.ok(error instanceof Unavailable);
  assert.match(error.message, /player\/0 is on its way to another node: no node that is alive/);
});

Deno.test("ClusterShards.call() waits no longer when the clock is set back meanwhile", async () => {
  const { state, set, clock, call } = open();
  state.onLook = () => void (set.byMs = -3_600_000);
  clock.sleep(limits.moveWaitMsMax + 500).then(() => state.isOwn = true);
  assert.ok((await call("ask")).error instanceof Unavailable);
});

Deno.test("ClusterShards.call() repeats what only reads when the owner is just starting", async () => {
  const { state, calls, call } = open();
  state.isOwn = true;
  let left = 2;
  state.own = () => {
    if (left-- > 0) throw new Unavailable("shard", "player/0 is starting");
    return "there";
  };
  assert.deepEqual(await call("inspect", 200), { value: "there" });
  assert.equal(calls.length, 3);
  left = 2;
  assert.match(String((await call("act", 200)).error), /starting/);
  assert.equal(calls.length, 4);
});

Deno.test("ClusterShards.call() answers from no shard of this node without its lease", async () => {
  const { state, calls, call } = open();
  state.isOwn = true;
  state.hasLease = false;
  const { error } = await call("ask", 0);
  assert.ok(error instanceof Unavailable && error.resource === "cluster");
  assert.deepEqual(calls, []);
});

Deno.test("ClusterShards.call() passes on what an actor throws", async () => {
  const { state, call } = open();
  state.isOwn = true;
  state.own = () => {
    throw new InvalidInput("invalid_field", "no such query");
  };
  assert.ok((await call("ask", 0)).error instanceof InvalidInput);
});

Deno.test("ClusterShards.callAll() asks every node, freshReports() all that answer", async () => {
  const { state, shards } = open();
  state.peers = { b: () => ["b"], c: () => ["c", "c"] };
  assert.deepEqual(await shards.callAll("halted", 0), ["own", "b", "c", "c"]);
  state.peers["c"] = () => {
    throw new Unavailable("shard", "cannot be reached");
  };
  await assert.rejects(shards.callAll("halted", 0), Unavailable);
  assert.deepEqual(await shards.freshReports(), ["b"]);
});

Deno.test("ClusterShards.placeOf() names the node of any shard, and the worker of its own", () => {
  const { state, shards } = open();
  assert.deepEqual(shards.placeOf(shard), { node: null, worker: null });
  state.owner = "b";
  assert.deepEqual(shards.placeOf(shard), { node: "b", worker: null });
  state.isOwn = true;
  assert.deepEqual(shards.placeOf(shard), { node: "me", worker: "worker-0" });
});
