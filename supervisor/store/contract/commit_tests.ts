/**
 * Taking shards and committing: who may, what moves, what is remembered.
 *
 * @module
 */
import assert from "node:assert/strict";
import { Fenced } from "../../../schema/errors.ts";
import {
  commitBatch,
  type ContractTest,
  freshPartition,
  fullBatch,
  journalRow,
  midnight,
  Owner,
  snapshotPart,
  view,
} from "./fixtures.ts";

export const commitTests: Readonly<Record<string, ContractTest>> = {
  async "takeShard() begins at offset 0 and raises the epoch each time"(store, partition) {
    const first = await store.takeShard("player", partition, "a");
    assert.deepEqual(first, {
      epoch: first.epoch,
      nextOffset: 0,
      emittedOffset: 0,
      sources: {},
      outbox: [],
      releasedAt: null,
      halted: [],
      hasWatches: false,
    });
    const second = await store.takeShard("player", partition, "b");
    assert.equal(second.epoch, first.epoch + 1);
  },

  async "commit() by a fenced owner throws Fenced and writes nothing"(store, partition) {
    const old = await Owner.take(store, "player", partition);
    await old.commit(1, { rows: [journalRow("s/a", 0)] });
    const heir = await Owner.take(store, "player", partition);
    assert.equal(heir.offset, 1);
    const before = await view(store, "player", partition, ["s/a", "s/b"]);
    await assert.rejects(old.commit(2, fullBatch(1)), Fenced);
    assert.deepEqual(await view(store, "player", partition, ["s/a", "s/b"]), before);
  },

  async "commit() at another offset throws Fenced and writes nothing"(store, partition) {
    const owner = await Owner.take(store, "player", partition);
    await owner.commit(5, { rows: [journalRow("s/a", 3)] });
    for (const oldOffset of [0, 4, 6]) {
      const { epoch } = owner;
      const batch = commitBatch({ ...fullBatch(7), partition, epoch, oldOffset, newOffset: 9 });
      await assert.rejects(store.commit(batch), Fenced);
    }
    await owner.commit(6);
    const seen = await view(store, "player", partition, ["s/a", "s/b"]);
    assert.equal(seen.claim.nextOffset, 6);
    assert.deepEqual(seen.claim.outbox, []);
    assert.deepEqual(seen.timers, []);
    assert.deepEqual(seen.actors.map((actor) => [actor.actorId, actor.journal.length]), [
      ["s/a", 1],
    ]);
  },

  async "commit() of many at one offset lets exactly one through"(store, partition) {
    const { epoch } = await Owner.take(store, "player", partition);
    const results = await Promise.allSettled(
      Array.from({ length: 8 }, (_, i) =>
        store.commit(commitBatch({
          partition,
          epoch,
          oldOffset: 0,
          newOffset: 1,
          rows: [journalRow(`s/racer-${i}`, 0)],
        }))),
    );
    const refused = results.flatMap((r) => r.status === "rejected" ? [r.reason] : []);
    assert.equal(refused.length, 7);
    assert.ok(refused.every((error) => error instanceof Fenced));
    const ids = Array.from({ length: 8 }, (_, i) => `s/racer-${i}`);
    assert.equal((await store.load("player", partition, ids)).length, 1);
  },

  async "commit() moves everything of a batch"(store, partition) {
    const owner = await Owner.take(store, "player", partition);
    await owner.commit(8, fullBatch(7));
    const seen = await view(store, "player", partition, ["s/b"]);
    assert.equal(seen.claim.nextOffset, 8);
    assert.deepEqual(seen.claim.sources, { "player/3": [7, 1] });
    assert.deepEqual(seen.claim.outbox, [{ endOffset: 8, records: fullBatch(7).outbox }]);
    assert.deepEqual(seen.timers, [{ actorId: "s/b", name: "silence", dueAt: midnight + 1 }]);
    assert.equal(seen.actors[0]!.journal.length, 1);
  },

  async "dueTimers() returns what is due, oldest first, up to the limit"(store, partition) {
    const owner = await Owner.take(store, "player", partition);
    await owner.commit(1, {
      timers: [
        { actorId: "s/a", name: "late", dueAt: midnight + 30 },
        { actorId: "s/b", name: "x", dueAt: midnight + 10 },
        { actorId: "s/a", name: "x", dueAt: midnight + 20 },
        { actorId: "s/c", name: "x", dueAt: midnight + 5 },
      ],
    });
    const due = async (now: number, limit = 10) =>
      (await store.dueTimers("player", partition, now, limit))
        .map((t) => [t.actorId, t.name, t.dueAt - midnight]);
    assert.deepEqual(await due(midnight + 4), []);
    assert.deepEqual(await due(midnight + 20), [["s/c", "x", 5], ["s/b", "x", 10], [
      "s/a",
      "x",
      20,
    ]]);
    assert.deepEqual(await due(midnight + 99, 1), [["s/c", "x", 5]]);
    assert.deepEqual(await store.dueTimers("game", partition, Infinity, 10), []);
    await owner.commit(2, {
      timers: [
        { actorId: "s/c", name: "x", dueAt: null },
        { actorId: "s/b", name: "x", dueAt: midnight + 40 },
        { actorId: "s/none", name: "x", dueAt: null },
        // Of several changes of one timer the last counts.
        { actorId: "s/d", name: "x", dueAt: midnight + 1 },
        { actorId: "s/d", name: "x", dueAt: null },
        { actorId: "s/e", name: "x", dueAt: null },
        { actorId: "s/e", name: "x", dueAt: midnight + 50 },
      ],
    });
    assert.deepEqual(await due(midnight + 99), [
      ["s/a", "x", 20],
      ["s/a", "late", 30],
      ["s/b", "x", 40],
      ["s/e", "x", 50],
    ]);
  },

  async "takeShard() with a held epoch refuses once another owner has taken the shard"(
    store,
    partition,
  ) {
    const { epoch } = await store.takeShard("player", partition, "a");
    const again = await store.takeShard("player", partition, "a", epoch);
    assert.equal(again.epoch, epoch + 1);
    // Its own take, whose answer it never got, is no other owner.
    await store.takeShard("player", partition, "a", epoch);
    await store.takeShard("player", partition, "b");
    await assert.rejects(store.takeShard("player", partition, "a", epoch + 2), Fenced);
  },

  async "takeShard() returns the outbox until it was emitted"(store, partition) {
    const owner = await Owner.take(store, "player", partition);
    const record = (value: string) => ({
      topic: "game.deltas" as const,
      partition: 2,
      key: "player/0",
      value,
    });
    await owner.commit(1, { outbox: [record('{"a":"é\\"\'"}'), record("second")] });
    await owner.commit(2);
    await owner.commit(10, { outbox: [record("third")] });
    await owner.commit(11, { outbox: [record("fourth")], emittedOffset: 1 });
    const heir = await store.takeShard("player", partition, "heir");
    assert.equal(heir.emittedOffset, 1);
    assert.deepEqual(heir.outbox, [
      { endOffset: 10, records: [record("third")] },
      { endOffset: 11, records: [record("fourth")] },
    ]);
    const { epoch } = heir;
    await store.commit(
      commitBatch({ partition, epoch, oldOffset: 11, newOffset: 12, emittedOffset: 11 }),
    );
    assert.deepEqual((await store.takeShard("player", partition, "x")).outbox, []);
  },

  async "commit() merges source positions"(store, partition) {
    const owner = await Owner.take(store, "game", partition);
    await owner.commit(1, { sources: { "player/0": [10, 0], "player/1": [7, 2] } });
    await owner.commit(2, { sources: { "player/0": [12, 3] } });
    await owner.commit(3);
    assert.deepEqual((await store.takeShard("game", partition, "x")).sources, {
      "player/0": [12, 3],
      "player/1": [7, 2],
    });
  },

  async "commit() moves the shard's hash by what it is told, modulo 2^64"(store, partition) {
    assert.deepEqual(await store.shardHash("player", partition), { recorded: "0", summed: "0" });
    const owner = await Owner.take(store, "player", partition);
    const [a, b, later] = [snapshotPart("s/a", 0), snapshotPart("s/b", 0), snapshotPart("s/a", 5)];
    const [first, other, second] = [BigInt(a.hash), BigInt(b.hash), BigInt(later.hash)];
    await owner.commit(1, { snapshots: [a, b], hashChange: String(first + other) });
    await owner.commit(6, { snapshots: [later], hashChange: String(second - first) });
    const { recorded, summed } = await store.shardHash("player", partition);
    assert.equal(recorded, summed);
    assert.equal(recorded, String(BigInt.asUintN(64, other + second)));
    const loaded = await store.load("player", partition, ["s/a"]);
    assert.equal(loaded[0]!.parts[0]!.hash, later.hash);
  },

  async "shardHash() shows a difference until it is reset"(store, partition) {
    const owner = await Owner.take(store, "player", partition);
    const part = snapshotPart("s/a", 0);
    await owner.commit(1, { snapshots: [part], hashChange: "12" });
    const expected = String(BigInt.asUintN(64, BigInt(part.hash)));
    assert.deepEqual(await store.shardHash("player", partition), {
      recorded: "12",
      summed: expected,
    });
    await store.resetShardHash("player", partition);
    assert.deepEqual(await store.shardHash("player", partition), {
      recorded: expected,
      summed: expected,
    });
    await owner.commit(2, { hashChange: String(-BigInt(expected)) });
    assert.equal((await store.shardHash("player", partition)).recorded, "0");
  },

  async "takeShard() tells when the last owner let go, if it did"(store, partition) {
    const first = await store.takeShard("player", partition, "a");
    assert.equal(first.releasedAt, null);
    const owner = new Owner(store, "player", partition, first.epoch, first.nextOffset);
    const from = Date.now();
    await owner.commit(0, { release: true });
    const second = await store.takeShard("player", partition, "b");
    assert.ok(second.releasedAt! >= from - 1 && second.releasedAt! <= Date.now() + 1);
    assert.equal((await store.takeShard("player", partition, "c")).releasedAt, null);
  },

  async "stages and partitions do not see each other"(store, partition) {
    const other = freshPartition();
    const owner = await Owner.take(store, "player", partition);
    await owner.commit(8, fullBatch(7));
    for (const [stage, p] of [["game", partition], ["player", other]] as const) {
      const seen = await view(store, stage, p, ["s/b"]);
      assert.deepEqual(seen, {
        claim: {
          nextOffset: 0,
          emittedOffset: 0,
          sources: {},
          outbox: [],
          releasedAt: null,
          halted: [],
          hasWatches: false,
        },
        actors: [],
        timers: [],
      });
    }
  },
};
