/**
 * What every {@link Membership} must do. Each adapter runs it in its own test file.
 *
 * @module
 */
import assert from "node:assert/strict";
import { Fenced } from "../../../schema/errors.ts";
import { commitBatch } from "../../store/contract/fixtures.ts";
import type { Store } from "../../store/store.ts";
import type { Beat, ClusterView, Membership } from "./membership.ts";

export interface MembershipWorld {
  readonly membership: Membership;
  readonly store: Store;
  /** Resolves when so much of the membership's time has passed. */
  readonly pass: (ms: number) => Promise<void>;
}

let names = 0;
let lives = 0;

/** A node of its own for each test, so that the tests can share a server. */
function node(change: Partial<Beat> = {}): Beat {
  const nodeId = change.nodeId ?? `node-${names++}`;
  return {
    nodeId,
    life: `${nodeId}-${lives++}`,
    startedMs: lives,
    url: `http://${nodeId}`,
    roles: ["player", "game"],
    workers: 2,
    isLeaving: false,
    wants: [],
    leaseMs: 60_000,
    ...change,
  };
}

const lifeOf = (view: ClusterView | undefined, partition: number) =>
  view?.shards.find((shard) => shard.stage === "game" && shard.partition === partition)?.life;

const tests: Readonly<
  Record<string, (world: MembershipWorld, partition: number) => Promise<void>>
> = {
  async "beat() shows every node whose lease runs, with what it told"({ membership, pass }) {
    const [short, long] = [node({ leaseMs: 400 }), node({ isLeaving: true, wants: ["game/3"] })];
    await membership.beat(short);
    await membership.beat(long);
    await pass(500);
    const view = await membership.beat(node());
    assert.equal(view!.nodes.some(({ life }) => life === short.life), false);
    const { startedMs: _, leaseMs: __, ...told } = long;
    assert.deepEqual(view!.nodes.find(({ life }) => life === long.life), told);
  },

  async "beat() lets a later life at the same URL replace an earlier one, never back"(world) {
    const { membership } = world;
    const first = node({ startedMs: 1000 });
    const second = node({ ...first, life: `${first.life}-again`, startedMs: 2000 });
    assert.ok(await membership.beat(first));
    const view = await membership.beat(second);
    const seen = view!.nodes.filter(({ nodeId }) => nodeId === first.nodeId);
    assert.deepEqual(seen.map(({ life }) => life), [second.life]);
    assert.equal(await membership.beat(first), undefined);
  },

  async "beat() refuses a name that another URL has, until that lease runs out"(world) {
    const { membership, pass } = world;
    const first = node({ leaseMs: 400 });
    const other = node({ nodeId: first.nodeId, url: "http://elsewhere", startedMs: 9e12 });
    await membership.beat({ ...first, leaseMs: 60_000 });
    assert.equal(await membership.beat(other), undefined);
    await membership.beat(first);
    await pass(500);
    assert.ok(await membership.beat(other));
  },

  async "leave() ends a lease at once"({ membership }) {
    const [gone, here] = [node(), node()];
    await membership.beat(gone);
    await membership.leave(gone.life);
    const view = await membership.beat(here);
    assert.equal(view!.nodes.some(({ life }) => life === gone.life), false);
  },

  async "takeShard() with a lease takes a free shard, and one held by itself"(world, partition) {
    const { membership, store } = world;
    const a = node();
    await membership.beat(a);
    const { epoch } = await store.takeShard("game", partition, "a/0", undefined, a.life);
    assert.equal(lifeOf(await membership.beat(a), partition), a.life);
    const again = await store.takeShard("game", partition, "a/1", undefined, a.life);
    assert.equal(again.epoch, epoch + 1);
  },

  async "takeShard() refuses a shard that another life holds, until its lease runs out"(
    world,
    partition,
  ) {
    const { membership, store, pass } = world;
    const [a, b] = [node({ leaseMs: 400 }), node()];
    await membership.beat(b);
    await membership.beat(a);
    const { epoch } = await store.takeShard("game", partition, "a", undefined, a.life);
    const take = () => store.takeShard("game", partition, "b", undefined, b.life);
    await assert.rejects(take(), Fenced);
    await pass(500);
    assert.equal(lifeOf(await membership.beat(b), partition), null);
    assert.equal((await take()).epoch, epoch + 1);
    assert.equal(lifeOf(await membership.beat(b), partition), b.life);
    // The zombie wakes: neither its commit nor a new take comes through.
    await membership.beat({ ...a, leaseMs: 60_000 });
    const batch = commitBatch({ stage: "game", partition, epoch, oldOffset: 0, newOffset: 1 });
    await assert.rejects(store.commit(batch), Fenced);
    await assert.rejects(store.takeShard("game", partition, "a", undefined, a.life), Fenced);
    await assert.rejects(store.takeShard("game", partition, "a", epoch, a.life), Fenced);
  },

  async "takeShard() gives a released shard to the first of two who want it"(world, partition) {
    const { membership, store } = world;
    const [a, b, c] = [node(), node(), node()];
    for (const beat of [a, b, c]) await membership.beat(beat);
    const { epoch } = await store.takeShard("game", partition, "a", undefined, a.life);
    const release = commitBatch({ stage: "game", partition, epoch, oldOffset: 0, newOffset: 0 });
    await store.commit({ ...release, release: true });
    assert.equal(lifeOf(await membership.beat(b), partition), null);
    const takes = [b, c].map(({ life }) =>
      store.takeShard("game", partition, life, undefined, life)
    );
    const results = await Promise.allSettled(takes);
    assert.deepEqual(results.map(({ status }) => status).sort(), ["fulfilled", "rejected"]);
    const refused = results.find((result) => result.status === "rejected");
    assert.ok(refused!.reason instanceof Fenced);
  },

  async "takeShard() refuses a life whose own lease has run out"(world, partition) {
    const { membership, store, pass } = world;
    const a = node({ leaseMs: 400 });
    await membership.beat(a);
    await pass(500);
    await assert.rejects(store.takeShard("game", partition, "a", undefined, a.life), Fenced);
  },
};

/** @param firstPartition of `game`: the tests take some from there on, which nobody else uses */
export function membershipContract(
  name: string,
  firstPartition: number,
  open: () => MembershipWorld | Promise<MembershipWorld>,
): void {
  let partitions = firstPartition;
  for (const [title, test] of Object.entries(tests)) {
    Deno.test(`${name} ${title}`, async () => await test(await open(), partitions++));
  }
}
