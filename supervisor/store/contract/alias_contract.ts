/**
 * Who a user id is, as commits say it: each adapter runs this beside the contract of the port, which has
 * no way to read it, as SQL reads it.
 *
 * @module
 */
import assert from "node:assert/strict";
import { Fenced } from "../../../schema/errors.ts";
import type { AliasChange, HaltMark, Store } from "../store.ts";
import { freshPartition, journalRow, midnight, Owner } from "./fixtures.ts";

/** All rows of a studio, by alias. */
type Read = (store: Store, studio: string) => Promise<AliasChange[]>;

const alias = (studio: string, aliasId: string, userId: string | null, at = midnight) => (
  { studio, aliasId, userId, at }
);

const tests: Record<
  string,
  (read: Read, store: Store, partition: number, studio: string) => Promise<void>
> = {
  async "commit() moves an alias with the commit, from one player to another, and away"(
    read,
    store,
    partition,
    studio,
  ) {
    const owner = await Owner.take(store, "player", partition);
    const other = await Owner.take(store, "player", freshPartition());
    const first = [alias(studio, "a", "b", midnight + 1), alias(studio, "it's/\"ø\\", "b")];
    await owner.commit(1, { rows: [journalRow("s/b", 0)], aliases: first });
    assert.deepEqual(await read(store, studio), first);
    const moved = [
      alias(studio, "a", "c", midnight + 2),
      alias(studio, "b", "c", midnight + 2),
    ];
    await other.commit(1, { aliases: moved });
    assert.deepEqual(await read(store, studio), [...moved, first[1]]);
    await owner.commit(2, { aliases: [alias(studio, "a", null), alias(studio, "none", null)] });
    assert.deepEqual(await read(store, studio), [moved[1], first[1]]);
    assert.deepEqual(await read(store, `${studio}-of-others`), []);
  },

  async "commit() of several changes of an alias keeps the last"(read, store, partition, studio) {
    const owner = await Owner.take(store, "player", partition);
    const changes = [
      alias(studio, "a", "b"),
      alias(studio, "a", null),
      alias(studio, "a", "c"),
    ];
    await owner.commit(1, { aliases: changes });
    assert.deepEqual(await read(store, studio), [changes[2]]);
    await owner.commit(2, { aliases: [alias(studio, "a", "d"), alias(studio, "a", null)] });
    assert.deepEqual(await read(store, studio), []);
  },

  async "commit() of aliases takes marks along, and is fenced as any other"(
    read,
    store,
    partition,
    studio,
  ) {
    const old = await Owner.take(store, "player", partition);
    const owner = await Owner.take(store, "player", partition);
    const mark: HaltMark = {
      actorId: "s/a",
      reason: "told to",
      since: midnight,
      offset: 4,
      behindSince: null,
      letters: 0,
    };
    const change = {
      aliases: [alias(studio, "a", "b")],
      halts: new Map([["s/a", mark]]),
      rows: [journalRow("s/a", 0)],
    };
    await assert.rejects(old.commit(1, change), Fenced);
    assert.deepEqual(await read(store, studio), []);
    await owner.commit(1, change);
    assert.deepEqual(await read(store, studio), change.aliases);
    const { halted } = await store.takeShard("player", partition, "view");
    assert.deepEqual(halted, [mark]);
  },
};

/** Runs the contract on the store that `open` gives. */
export function aliasContract(
  name: string,
  open: () => Store | Promise<Store>,
  read: Read,
): void {
  for (const [title, test] of Object.entries(tests)) {
    Deno.test(`${name} ${title}`, async () => {
      const partition = freshPartition();
      await test(read, await open(), partition, `aliases-${partition}`);
    });
  }
}
