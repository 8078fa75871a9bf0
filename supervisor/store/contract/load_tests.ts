/**
 * Loading actors: snapshots, journal, earlier states.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { JournalRow, Store } from "../store.ts";
import {
  type ContractTest,
  freshPartition,
  journalRow,
  midnight,
  Owner,
  second,
  snapshotPart,
} from "./fixtures.ts";

export const loadTests: Readonly<Record<string, ContractTest>> = {
  async "load() leaves out what the store has never seen"(store, partition) {
    assert.deepEqual(await store.load("player", partition, []), []);
    assert.deepEqual(await store.load("player", partition, ["s/nobody"]), []);
  },

  async "load() of ids that no text can hold returns the others"(store, partition) {
    const owner = await Owner.take(store, "player", partition);
    await owner.commit(1, { rows: [journalRow("s/a", 0)] });
    // Whoever asks shares a query with others, who must not fail with him.
    for (const hostile of ["s/\0", "s/a\0", "s/\ud800", "\udc00"]) {
      const actors = await store.load("player", partition, [hostile, "s/a"]);
      assert.deepEqual(actors.map(({ actorId }) => actorId), ["s/a"]);
      assert.deepEqual(await store.load("player", partition, [hostile]), []);
      assert.deepEqual(await store.load("game", partition, [hostile]), []);
    }
  },

  async "load() returns the snapshot and the journal after it, in order"(store, partition) {
    const owner = await Owner.take(store, "player", partition);
    // Across midnight, so across partitions of the journal.
    await owner.commit(3, { rows: [0, 1, 2].map((i) => journalRow("s/a", i)) });
    await owner.commit(5, {
      rows: [3, 4].map((i) => journalRow("s/a", i)),
      snapshots: [snapshotPart("s/a", 2), snapshotPart("s/only", 1)],
    });
    const actors = await store.load("player", partition, ["s/a", "s/a", "s/only", "s/none"]);
    const byId = new Map(actors.map((actor) => [actor.actorId, actor]));
    assert.equal(actors.length, 2);
    assert.deepEqual(byId.get("s/a")!.parts, [snapshotPart("s/a", 2)]);
    assert.deepEqual(
      byId.get("s/a")!.journal.map(({ offset, receivedAt }) => [offset, receivedAt]),
      [[3, midnight + 3 * second], [4, midnight + 4 * second]],
    );
    assert.deepEqual(byId.get("s/only"), {
      actorId: "s/only",
      parts: [snapshotPart("s/only", 1)],
      journal: [],
    });
  },

  async "load() returns events equal to what was written"(store, partition) {
    const owner = await Owner.take(store, "player", partition);
    const rows = hostileRows();
    await owner.commit(rows.length, { rows });
    const ids = rows.map((row) => row.actorId);
    const actors = await store.load("player", partition, ids);
    const read = actors.flatMap((actor) =>
      actor.journal.map((event) => ({ actorId: actor.actorId, ...event }))
    ).sort((a, b) => a.offset - b.offset);
    assert.equal(read.length, rows.length);
    for (const [i, row] of rows.entries()) {
      assert.equal(read[i]!.actorId, row.actorId);
      assert.equal(read[i]!.receivedAt, row.receivedAt);
      assert.deepEqual(JSON.parse(read[i]!.value), JSON.parse(row.value));
      // A fold may depend on the order of keys, so a replay must see the same.
      const { properties } = JSON.parse(read[i]!.value);
      assert.equal(
        JSON.stringify(properties),
        JSON.stringify(JSON.parse(row.value).properties),
      );
    }
  },

  async "load() as of an offset ends there and skips later snapshots"(store, partition) {
    await sixRows(store, partition);
    const at = async (offset: number) => {
      const [actor] = await store.load("player", partition, ["s/a"], { offset });
      return actor && [actor.parts.map((p) => p.offset), actor.journal.map((e) => e.offset)];
    };
    assert.deepEqual(await at(1), [[], [0, 1]]);
    assert.deepEqual(await at(2), [[], [0, 1, 2]]);
    assert.deepEqual(await at(3), [[3], []]);
    assert.deepEqual(await at(4), [[3], [4]]);
    assert.deepEqual(await at(99), [[3], [4, 5]]);
    assert.equal((await store.load("player", partition, ["s/a"], { offset: -1 })).length, 0);
  },

  async "load() returns a row whose texts are empty, which was committed alone"(store, partition) {
    const owner = await Owner.take(store, "player", partition);
    const row = journalRow("s/a", 0, { game_id: "", event_id: "", event_type: "" });
    await owner.commit(1, { rows: [row] });
    const [actor] = await store.load("player", partition, ["s/a"]);
    assert.deepEqual(JSON.parse(actor!.journal[0]!.value), JSON.parse(row.value));
  },

  async "load() as of a time ends there and skips later snapshots"(store, partition) {
    await sixRows(store, partition);
    const at = async (receivedAt: number) => {
      const [actor] = await store.load("player", partition, ["s/a"], { receivedAt });
      return actor && [actor.parts.map((p) => p.offset), actor.journal.map((e) => e.offset)];
    };
    assert.equal(await at(midnight - 1), undefined);
    assert.deepEqual(await at(midnight + 2 * second), [[], [0, 1, 2]]);
    assert.deepEqual(await at(midnight + 3 * second - 1), [[], [0, 1, 2]]);
    assert.deepEqual(await at(midnight + 3 * second), [[3], []]);
    assert.deepEqual(await at(midnight + 5 * second), [[3], [4, 5]]);
  },

  async "load() returns every part of a game, newest version"(store, partition) {
    const owner = await Owner.take(store, "game", partition);
    const stage = "game";
    const big = JSON.stringify({ text: "é\"\\\n\t\u2028𝄞'".repeat(20_000) });
    await owner.commit(1, {
      stage,
      snapshots: [
        snapshotPart("s/g", 0),
        snapshotPart("s/g", 0, "day:2026-01-30"),
        snapshotPart("s/other", 0),
      ],
    });
    await owner.commit(2, {
      stage,
      snapshots: [
        snapshotPart("s/g", 1, "day:2026-01-30", "{}"),
        snapshotPart("s/g", 1, "day:2026-01-30"),
        snapshotPart("s/g", 1, "day:2026-01-31", big),
      ],
    });
    const [game, ...rest] = await store.load(stage, partition, ["s/g"]);
    assert.equal(rest.length, 0);
    assert.deepEqual(game!.journal, []);
    assert.deepEqual([...game!.parts].sort((a, b) => a.part < b.part ? -1 : 1), [
      snapshotPart("s/g", 0),
      snapshotPart("s/g", 1, "day:2026-01-30"),
      snapshotPart("s/g", 1, "day:2026-01-31", big),
    ]);
  },

  async "load() looks at no rows before the clean time, except as of"(store, partition) {
    const owner = await Owner.take(store, "player", partition);
    const day = 86_400;
    await owner.commit(3 * day, { rows: [0, day, 2 * day].map((i) => journalRow("s/a", i)) });
    const offsets = async (asOf?: { offset: number }) =>
      (await store.load("player", partition, ["s/a"], asOf))[0]?.journal.map((e) => e.offset);
    assert.deepEqual(await offsets(), [0, day, 2 * day]);
    await owner.commit(3 * day + 1, { cleanAt: midnight + day * second });
    assert.deepEqual(await offsets(), [day, 2 * day]);
    // Left out or earlier: unchanged.
    await owner.commit(3 * day + 2);
    await owner.commit(3 * day + 3, { cleanAt: midnight });
    assert.deepEqual(await offsets(), [day, 2 * day]);
    assert.deepEqual(await offsets({ offset: 9 * day }), [0, day, 2 * day]);
  },

  async "load() from the start gives the whole journal, and no snapshot"(store, partition) {
    await sixRows(store, partition);
    const owner = await Owner.take(store, "player", partition);
    await owner.commit(8, {
      snapshots: [snapshotPart("s/only", 5)],
      cleanAt: midnight + 5 * second,
    });
    const fromStart = true;
    const ids = ["s/a", "s/b", "s/only", "s/nobody"];
    const actors = await store.load("player", partition, ids, { fromStart });
    const found = actors.map((actor) => [actor.actorId, actor.parts, actor.journal.length]);
    assert.deepEqual(found.sort(), [["s/a", [], 6], ["s/b", [], 1]]);
    assert.ok(actors.every((actor) => !("isTruncated" in actor)));
    const until = { fromStart, offset: 4 };
    const [earlier] = await store.load("player", partition, ["s/a"], until);
    assert.deepEqual(earlier!.parts, []);
    assert.deepEqual(earlier!.journal.map(({ offset }) => offset), [0, 1, 2, 3, 4]);
  },

  async "load() from the start gives the first rows only, when so many are asked for"(
    store,
    partition,
  ) {
    const owner = await Owner.take(store, "player", partition);
    await owner.commit(3, { rows: [0, 1, 2].map((offset) => journalRow("s/a", offset)) });
    await owner.commit(3, { snapshots: [snapshotPart("s/a", 2)] });
    const offsets = async (rowsMax: number) => {
      const asOf = { fromStart: true, rowsMax };
      const [actor] = await store.load("player", partition, ["s/a"], asOf);
      return actor!.journal.map(({ offset }) => offset);
    };
    assert.deepEqual([await offsets(2), await offsets(5)], [[0, 1], [0, 1, 2]]);
  },

  async "behind() names the actors with rows after their snapshot"(store, partition) {
    const owner = await Owner.take(store, "player", partition);
    const other = freshPartition();
    const neighbour = await Owner.take(store, "player", other);
    assert.deepEqual(await store.behind("player", partition), []);
    await owner.commit(6, {
      rows: ["s/a", "s/b", "s/c", "s/a", "s/b", "s/c"].map((id, i) => journalRow(id, i)),
      snapshots: [snapshotPart("s/a", 3), snapshotPart("s/b", 1)],
    });
    await neighbour.commit(1, { rows: [journalRow("s/elsewhere", 0)] });
    assert.deepEqual((await store.behind("player", partition)).sort(), ["s/b", "s/c"]);
    await owner.commit(7, { snapshots: [snapshotPart("s/b", 4), snapshotPart("s/c", 5)] });
    assert.deepEqual(await store.behind("player", partition), []);
    assert.deepEqual(await store.behind("game", partition), []);
  },

  async "snapshotted() names the actors with a snapshot, page by page"(store, partition) {
    const owner = await Owner.take(store, "player", partition);
    const neighbour = await Owner.take(store, "player", freshPartition());
    assert.deepEqual(await store.snapshotted("player", partition, "", 10), []);
    await owner.commit(4, {
      rows: ["s/b", "s/a", "s/c", "s/none"].map((id, i) => journalRow(id, i)),
      snapshots: [snapshotPart("s/b", 0), snapshotPart("s/a", 1), snapshotPart("s/c", 2)],
    });
    await neighbour.commit(1, { snapshots: [snapshotPart("s/elsewhere", 0)] });
    assert.deepEqual(await store.snapshotted("player", partition, "", 2), ["s/a", "s/b"]);
    assert.deepEqual(await store.snapshotted("player", partition, "s/b", 2), ["s/c"]);
    assert.deepEqual(await store.snapshotted("game", partition, "", 10), []);
  },
};

/** `s/a` with rows 0 to 5 and a snapshot at 3; `s/b` in between must not show up. */
async function sixRows(store: Store, partition: number): Promise<void> {
  const owner = await Owner.take(store, "player", partition);
  await owner.commit(6, {
    rows: [0, 1, 2, 3, 4, 5].map((i) => journalRow("s/a", i)),
    snapshots: [snapshotPart("s/a", 3)],
  });
  await owner.commit(7, { rows: [journalRow("s/b", 6)] });
}

/** Texts, numbers and shapes that have gone wrong somewhere. */
function hostileRows(): JournalRow[] {
  const texts = [
    `"`,
    `\\`,
    `a"b\\c'd`,
    `{}`,
    `{"o":1}`,
    `, "k": 1`,
    "é",
    "𝄞",
    "\u2028",
    "\u0001",
    "\t",
    "\x7f",
    "null",
    "NULL",
    "%s $1 :x",
    "a/b/c",
    "",
    " ",
    "ẞ-İ-ﬀ",
    "-- ;",
  ];
  return texts.map((text, i) =>
    journalRow(`s/${text}`, i, {
      event_id: text,
      game_id: text,
      event_type: i % 5 === 0 ? "$timer" : `t${text}`,
      // Never empty: whatever has no session has no such field.
      ...(i % 2 === 0 && text !== "" ? { session_id: text } : {}),
      timestamp: midnight - i * 7_777_777_777 + i,
      properties: {
        [`z${text}`]: text,
        a: [0.1, 1e308, 5e-324, -1.5, 9007199254740991, 1e21, 0],
        [text]: { [text]: [null, true, false, {}, [], text] },
        10: 1,
        9: 2,
        b: -0.000001,
      },
      context: { [text]: text },
    })
  );
}
