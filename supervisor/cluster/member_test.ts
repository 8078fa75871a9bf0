import assert from "node:assert/strict";
import { Unavailable } from "../../schema/errors.ts";
import { limits } from "../../schema/limits.ts";
import { createLogger } from "../observability/logger.ts";
import { noMetrics } from "../observability/metrics_sink.ts";
import { MemoryStore } from "../store/memory_store.ts";
import { FakeClock } from "../tree/tree_fakes.ts";
import type { ShardId } from "../worker/worker_protocol.ts";
import { Member, type MemberOptions, type OwnShards } from "./member.ts";
import { MemoryMembership } from "./membership/memory_membership.ts";
import { shardKey } from "./membership/membership.ts";

const quiet = createLogger({ write() {}, level: () => "silent", now: () => 0 });
const keyOf = ({ stage, partition }: ShardId) => shardKey(stage, partition);

/** A clock, a store that all nodes share, and shards of one stage. */
class World {
  readonly clock = new FakeClock();
  readonly store = new MemoryStore(() => this.clock.now());
  readonly shards = [0, 1, 2, 3].map((partition) => ({ stage: "player" as const, partition }));
  readonly nodes: Node[] = [];

  join(nodeId: string, change: Partial<MemberOptions> = {}): Node {
    const node = new Node(this, nodeId, change);
    this.nodes.push(node);
    return node;
  }

  async end(): Promise<void> {
    for (const { stop } of this.nodes) stop.abort();
    await this.clock.advance(10_000);
  }
}

/** A node whose shards are their rows in the store: taken and released there, at once or when told. */
class Node implements OwnShards {
  readonly life: string;
  readonly stop = new AbortController();
  readonly member: Member;
  /** Releases wait for it. */
  releaseGate: () => Promise<void> = () => Promise.resolve();
  isCutOff = false;
  /** The answers to signs of life wait for it. */
  beatGate: () => Promise<void> = () => Promise.resolve();
  /** How many releases more do not reach the store. */
  releasesLost = 0;
  isUp = true;
  ended: Error | undefined;
  readonly refused: string[] = [];
  readonly #own = new Map<string, ShardId>();
  readonly #leaving = new Set<string>();
  readonly #epochs = new Map<string, number>();

  constructor(readonly world: World, nodeId: string, change: Partial<MemberOptions>) {
    const { clock, store, shards } = world;
    this.life = `${nodeId}#${clock.now()}-${world.nodes.length}`;
    const membership = new MemoryMembership(store);
    const guarded = {
      beat: (beat: Parameters<MemoryMembership["beat"]>[0]) =>
        this.isCutOff
          ? Promise.reject(new Unavailable("store", "cut off"))
          : membership.beat(beat).then((view) => this.beatGate().then(() => view)),
      leave: (life: string) => this.isCutOff ? Promise.resolve() : membership.leave(life),
      close: () => membership.close(),
    };
    this.member = new Member({
      nodeId,
      life: this.life,
      url: `http://${nodeId}`,
      roles: ["player"],
      workers: 1,
      shards,
      own: this,
      membership: () => Promise.resolve(guarded),
      clock,
      monotonic: () => clock.now(),
      metrics: noMetrics,
      log: quiet,
      nudge: () => world.nodes.forEach((node) => node !== this && node.member.look()),
      ...change,
    });
    this.member.run(this.stop.signal).catch((error) => this.ended = error);
  }

  has = (shard: ShardId) => this.#own.has(keyOf(shard));
  owned = () => [...this.#own.values()].filter((shard) => !this.#leaving.has(keyOf(shard)));

  assign(shard: ShardId): void {
    this.#own.set(keyOf(shard), shard);
    this.world.store.takeShard(shard.stage, shard.partition, this.life, undefined, this.life).then(
      ({ epoch }) => this.#epochs.set(keyOf(shard), epoch),
      () => {
        this.refused.push(keyOf(shard));
        this.#own.delete(keyOf(shard));
      },
    );
  }

  async revoke(shard: ShardId): Promise<void> {
    const { stage, partition } = shard;
    this.#leaving.add(keyOf(shard));
    await this.releaseGate();
    const batch = {
      stage,
      partition,
      epoch: this.#epochs.get(keyOf(shard))!,
      oldOffset: 0,
      newOffset: 0,
      rows: [],
      snapshots: [],
      outbox: [],
      timers: [],
      sources: {},
      emittedOffset: 0,
      hashChange: "0",
      release: true,
    };
    const isLost = this.isCutOff || this.releasesLost-- > 0;
    if (!isLost) await this.world.store.commit(batch).catch(() => {});
    this.#own.delete(keyOf(shard));
    this.#leaving.delete(keyOf(shard));
  }

  get partitions(): number[] {
    return [...this.#own.values()].map(({ partition }) => partition).sort();
  }
}

/** The partitions that the store says a node holds. */
function heldBy({ store }: World, node: Node): number[] {
  return store.heldShards().filter(({ life }) => life === node.life)
    .map(({ partition }) => partition).sort();
}

Deno.test("Member takes every shard of its stages when it is alone", async () => {
  const world = new World();
  const a = world.join("a");
  await world.clock.advance(0);
  assert.deepEqual(a.partitions, [0, 1, 2, 3]);
  assert.equal(a.member.hasLease, true);
  assert.deepEqual(a.member.health(), { part: "cluster", ready: true });
  await world.end();
});

Deno.test("Member shares with a node that joins, which takes a shard only once it is released", async () => {
  const world = new World();
  const a = world.join("a");
  await world.clock.advance(5000);
  const gate = Promise.withResolvers<void>();
  a.releaseGate = () => gate.promise;
  const b = world.join("b");
  await world.clock.advance(1000);
  assert.deepEqual([a.partitions, b.partitions], [[0, 1, 2, 3], []]);
  assert.deepEqual(a.owned().map(({ partition }) => partition), [0, 1]);
  assert.equal(b.member.ownerOf({ stage: "player", partition: 3 })?.nodeId, "a");
  gate.resolve();
  await world.clock.advance(200);
  assert.deepEqual([a.partitions, b.partitions], [[0, 1], [2, 3]]);
  a.member.look();
  await world.clock.advance(50);
  assert.equal(a.member.ownerOf({ stage: "player", partition: 3 })?.nodeId, "b");
  await world.end();
});

Deno.test("Member takes a shard back whose release was lost, and lets go of it once more", async () => {
  const world = new World();
  const a = world.join("a");
  await world.clock.advance(5000);
  // As when the worker ends that had it, or the last commit fails.
  a.releasesLost = 1;
  const b = world.join("b");
  await world.clock.advance(5000);
  assert.deepEqual([a.partitions, b.partitions], [[0, 1], [2, 3]]);
  assert.deepEqual([heldBy(world, a), heldBy(world, b)], [[0, 1], [2, 3]]);
  await world.end();
});

Deno.test("Member that lets go in order takes nothing back", async () => {
  const world = new World();
  const a = world.join("a");
  await world.clock.advance(5000);
  let taken = 0;
  const assign = a.assign.bind(a);
  a.assign = (shard) => {
    taken++;
    assign(shard);
  };
  const b = world.join("b");
  // Views that were made before a release arrive after it.
  a.releaseGate = () => world.clock.sleep(100);
  a.beatGate = () => world.clock.sleep(150);
  await world.clock.advance(10_000);
  assert.deepEqual([taken, a.partitions, b.partitions], [0, [0, 1], [2, 3]]);
  await world.end();
});

Deno.test("Member has nobody let go of a shard before its own workers are up", async () => {
  const world = new World();
  const a = world.join("a");
  await world.clock.advance(2000);
  const b = world.join("b");
  b.isUp = false;
  await world.clock.advance(3000);
  assert.deepEqual([a.partitions, b.partitions], [[0, 1, 2, 3], []]);
  b.isUp = true;
  await world.clock.advance(500);
  assert.deepEqual([a.partitions, b.partitions], [[0, 1], [2, 3]]);
  await world.end();
});

Deno.test("Member takes the shards of a node that is gone when its lease has run out, not before", async () => {
  const world = new World();
  const [a, b] = [world.join("a"), world.join("b")];
  await world.clock.advance(3000);
  assert.deepEqual([...a.partitions, ...b.partitions].sort(), [0, 1, 2, 3]);
  const before = a.partitions;
  b.isCutOff = true;
  await world.clock.advance(limits.nodeLeaseMs - limits.nodeBeatMs - 500);
  assert.deepEqual(a.partitions, before);
  await world.clock.advance(2 * limits.nodeBeatMs + 500);
  assert.deepEqual(a.partitions, [0, 1, 2, 3]);
  // The zombie knew by itself that its time was up, before anybody could have taken from it.
  assert.equal(b.member.hasLease, false);
  assert.match(b.member.health().reason!, /cut off/);
  await world.end();
});

Deno.test("Member that comes back gives up what others have taken, then gets its share again", async () => {
  const world = new World();
  const [a, b] = [world.join("a"), world.join("b")];
  await world.clock.advance(3000);
  b.isCutOff = true;
  await world.clock.advance(limits.nodeLeaseMs + 2000);
  b.isCutOff = false;
  await world.clock.advance(5000);
  assert.equal(b.member.hasLease, true);
  assert.deepEqual([a.partitions.length, b.partitions.length], [2, 2]);
  assert.deepEqual([...a.partitions, ...b.partitions].sort(), [0, 1, 2, 3]);
  await world.end();
});

Deno.test("Member keeps its shards through an outage of the store that all nodes share", async () => {
  const world = new World();
  const [a, b] = [world.join("a"), world.join("b")];
  await world.clock.advance(3000);
  const before = [a.partitions, b.partitions];
  const refused = [...a.refused, ...b.refused];
  a.isCutOff = b.isCutOff = true;
  await world.clock.advance(60_000);
  assert.deepEqual([a.member.hasLease, b.member.hasLease], [false, false]);
  a.isCutOff = b.isCutOff = false;
  await world.clock.advance(3000);
  assert.deepEqual([a.partitions, b.partitions], before);
  assert.deepEqual([...a.refused, ...b.refused], refused);
  await world.end();
});

Deno.test("Member that leaves hands everything over, and ends its lease", async () => {
  const world = new World();
  const [a, b] = [world.join("a"), world.join("b")];
  await world.clock.advance(3000);
  let isOver = false;
  b.member.handOver().then(() => isOver = true);
  await world.clock.advance(1000);
  assert.equal(isOver, true);
  assert.deepEqual([a.partitions, b.partitions], [[0, 1, 2, 3], []]);
  b.stop.abort();
  await world.clock.advance(1000);
  assert.deepEqual(a.member.view.nodes.map(({ nodeId }) => nodeId), ["a"]);
  await world.end();
});

Deno.test("Member.handOver() does not wait when nobody could take the shards", async () => {
  const world = new World();
  const a = world.join("a");
  world.join("gate", { roles: ["gateway"] });
  await world.clock.advance(3000);
  let isOver = false;
  a.member.handOver().then(() => isOver = true);
  await world.clock.advance(0);
  assert.equal(isOver, true);
  assert.deepEqual(a.partitions, [0, 1, 2, 3]);
  await world.end();
});

Deno.test("Member lets exactly one of two nodes have what a third has released", async () => {
  const world = new World();
  const a = world.join("a");
  await world.clock.advance(2000);
  const [b, c] = [world.join("b"), world.join("c")];
  await world.clock.advance(3000);
  a.member.handOver();
  await world.clock.advance(3000);
  const all = [...b.partitions, ...c.partitions].sort();
  assert.deepEqual(all, [0, 1, 2, 3]);
  assert.deepEqual([b.partitions.length, c.partitions.length], [2, 2]);
  await world.end();
});

Deno.test("Member ends when a later life has its name", async () => {
  const world = new World();
  const a = world.join("a");
  await world.clock.advance(2000);
  const again = world.join("a");
  await world.clock.advance(2000);
  assert.match(String(a.ended), /another node has taken the name a/);
  assert.equal(a.member.hasLease, false);
  assert.deepEqual(again.partitions, [0, 1, 2, 3]);
  await world.end();
});

Deno.test("Member ends when its name is alive at another URL, after giving that life time to end", async () => {
  const world = new World();
  world.join("a");
  await world.clock.advance(1000);
  const other = world.join("a", { url: "http://elsewhere" });
  await world.clock.advance(limits.nodeLeaseMs);
  assert.equal(other.ended, undefined);
  await world.clock.advance(2 * limits.nodeLeaseMs);
  assert.match(String(other.ended), /NODE_ID of its own/);
  await world.end();
});

Deno.test("Member gives that life its time when the clock is set ahead meanwhile", async () => {
  const world = new World();
  world.join("a");
  await world.clock.advance(1000);
  const set = { byMs: 0 };
  const sleep: FakeClock["sleep"] = (ms, signal) => world.clock.sleep(ms, signal);
  const clock = { now: () => world.clock.now() + set.byMs, sleep };
  const other = world.join("a", { url: "http://elsewhere", clock });
  await world.clock.advance(limits.nodeBeatMs);
  set.byMs = 3_600_000;
  await world.clock.advance(limits.nodeLeaseMs);
  assert.equal(other.ended, undefined);
  await world.end();
});

Deno.test("Member without a URL ends beside any other node", async () => {
  const world = new World();
  world.join("a");
  await world.clock.advance(1000);
  const b = world.join("b", { url: null });
  await world.clock.advance(100);
  assert.match(String(b.ended), /several nodes need ADVERTISED_URL and CLUSTER_TOKEN/);
  await world.end();
});
