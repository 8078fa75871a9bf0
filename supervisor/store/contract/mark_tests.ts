/**
 * Who stands still, and who watches whom: both move with commits.
 *
 * @module
 */
import assert from "node:assert/strict";
import { Fenced } from "../../../schema/errors.ts";
import type { DownWatch, HaltMark, Store } from "../store.ts";
import { type ContractTest, freshPartition, midnight, Owner } from "./fixtures.ts";

const mark = (actorId: string, fields: Partial<HaltMark> = {}): HaltMark => ({
  actorId,
  reason: "it throws at offset 4: told to",
  since: midnight + 123,
  offset: 4,
  behindSince: null,
  letters: 0,
  ...fields,
});
const halts = (...marks: HaltMark[]) => ({ halts: new Map(marks.map((m) => [m.actorId, m])) });
const watch = (
  watchedId: string,
  offset: number | null,
  actorId = "s/watcher",
  kind = "player",
) => (
  { watches: [{ actorId, kind, watchedId, offset }] }
);
const down = (watchedId: string, offset: number, kind = "player"): DownWatch => {
  const { reason, since } = mark(watchedId);
  return { actorId: "s/watcher", kind, watchedId, offset, reason, since };
};

const claimed = async (store: Store, partition: number) => {
  const { halted, hasWatches } = await store.takeShard("player", partition, "view");
  return { halted, hasWatches };
};

export const markTests: Readonly<Record<string, ContractTest>> = {
  async "takeShard() tells who stands still, as the last commit of each has it"(store, partition) {
    const owner = await Owner.take(store, "player", partition);
    const first = mark("s/a", { behindSince: midnight + 1, letters: 2 });
    await owner.commit(1, halts(first, mark("s/b", { offset: -1, reason: "nul\0" })));
    await owner.commit(2, halts({ ...first, letters: 7 }));
    const { halted } = await store.takeShard("player", partition, "next");
    const unloadable = halted.find(({ actorId }) => actorId === "s/b")!;
    assert.equal(halted.length, 2);
    assert.deepEqual(halted.find(({ actorId }) => actorId === "s/a"), { ...first, letters: 7 });
    assert.deepEqual([unloadable.offset, unloadable.reason.slice(0, 3)], [-1, "nul"]);
    const heir = await Owner.take(store, "player", partition);
    await heir.commit(2, { halts: new Map([["s/a", null], ["s/b", null]]) });
    assert.deepEqual(await claimed(store, partition), { halted: [], hasWatches: false });
  },

  async "commit() of a fenced owner halts nobody and watches nobody"(store, partition) {
    const old = await Owner.take(store, "player", partition);
    await Owner.take(store, "player", partition);
    await assert.rejects(old.commit(1, { ...halts(mark("s/a")), ...watch("s/x", 0) }), Fenced);
    assert.deepEqual(await claimed(store, partition), { halted: [], hasWatches: false });
  },

  async "downWatches() tells of a watched actor of another shard that is halted, once"(
    store,
    partition,
  ) {
    const id = `s/watched-${partition}`;
    const watcher = await Owner.take(store, "player", partition);
    await watcher.commit(8, watch(id, 7));
    assert.equal((await store.takeShard("player", partition, "view")).hasWatches, true);
    assert.deepEqual(await store.downWatches("player", partition, 10), []);
    const other = await Owner.take(store, "player", freshPartition());
    await other.commit(5, halts(mark(id)));
    assert.deepEqual(await store.downWatches("player", partition, 10), [down(id, 7)]);
    // Released before anybody looked: that it stood still is told all the same.
    await other.commit(5, { halts: new Map([[id, null]]) });
    const told = await store.downWatches("player", partition, 10);
    assert.deepEqual(told, [down(id, 7)]);
    assert.deepEqual(await store.downWatches("player", other.partition, 10), [], "not its own");
    await store.endWatches("player", partition, told);
    await store.endWatches("player", partition, told);
    assert.deepEqual(await store.downWatches("player", partition, 10), []);
    assert.equal((await store.takeShard("player", partition, "view")).hasWatches, false);
  },

  async "downWatches() tells at once of who stands still already, of its kind only"(
    store,
    partition,
  ) {
    const id = `s/watched-${partition}`;
    const other = await Owner.take(store, "game", freshPartition());
    await other.commit(5, { ...halts(mark(id)) });
    const watcher = await Owner.take(store, "player", partition);
    await watcher.commit(1, watch(id, 0));
    assert.deepEqual(await store.downWatches("player", partition, 10), [], "it is no player");
    await watcher.commit(2, watch(id, 1, "s/watcher", "game"));
    assert.deepEqual(await store.downWatches("player", partition, 10), [down(id, 1, "game")]);
  },

  async "commit() keeps the watch there is, and ends one that is wanted no longer"(
    store,
    partition,
  ) {
    const id = `s/watched-${partition}`;
    const watcher = await Owner.take(store, "player", partition);
    await watcher.commit(1, watch(id, 0));
    await watcher.commit(2, watch(id, 1));
    await watcher.commit(3, { ...halts(mark(id)) });
    const first = await store.downWatches("player", partition, 10);
    assert.deepEqual(first, [down(id, 0)]);
    await watcher.commit(4, watch(id, null));
    assert.deepEqual(await store.downWatches("player", partition, 10), []);
    await watcher.commit(5, watch(id, 4));
    // The end of the old watch, told late, is not the end of the new one.
    await store.endWatches("player", partition, first);
    assert.deepEqual(await store.downWatches("player", partition, 10), [down(id, 4)]);
  },

  async "commit() of a halt and a watch at the same time misses neither"(store, partition) {
    const other = await Owner.take(store, "game", freshPartition());
    const watcher = await Owner.take(store, "player", partition);
    for (let i = 0; i < 20; i++) {
      const id = `s/racing-${partition}-${i}`;
      await Promise.all([
        other.commit(i + 1, halts(mark(id))),
        watcher.commit(i + 1, watch(id, i, "s/watcher", "game")),
      ]);
      assert.deepEqual(await store.downWatches("player", partition, 10), [down(id, i, "game")]);
      await store.endWatches("player", partition, [down(id, i, "game")]);
    }
  },
};
