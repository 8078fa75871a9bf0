import assert from "node:assert/strict";
import type { SnapshotPart } from "../store/store.ts";
import { Bench, part } from "./testing/cells_fixture.ts";
import { type Tally, tallyGameStage, tallyThrowsFor } from "./testing/tally.ts";

const damaged = (user: string, offset: number): SnapshotPart => ({
  ...part(user, offset, 5),
  body: '{"sum":6,"offsets":[]}',
});

Deno.test("Cells.load() rebuilds an actor from its whole journal when its snapshot is damaged", async () => {
  const b = new Bench();
  await b.commit(["a", "a", "b"], { snapshots: [damaged("a", 1)] });
  // Rows from before this time are not looked at, as a rule.
  await b.commit(["a"], { cleanAt: 2000 });
  assert.equal(await b.cells.load(["t/a", "t/b", "t/nobody"]), 1, "b is promised a snapshot");
  assert.equal(b.sum("a"), 3);
  const { offset, snapshotOffset, rowsBehind, hashes } = b.cells.peek("t/a")!;
  assert.deepEqual([offset, snapshotOffset, rowsBehind], [3, -1, 3]);
  assert.equal(hashes.get(""), "9", "that of the stored one, which the next replaces");
  assert.deepEqual(b.told, ["rebuilt t/a: checksum"]);
  assert.deepEqual(b.cells.troubles.halted(), []);
});

Deno.test("Cells.load() halts who cannot be rebuilt, as rows of its journal were dropped, and nobody else", async () => {
  const b = new Bench();
  await b.commit(["a", "b"], { snapshots: [damaged("a", 0), damaged("gone", 0)] });
  await b.commit(["a", "c"], { snapshots: [damaged("a", 2)] });
  b.store.dropRowsBefore("player", 0, 1001);
  assert.equal(await b.cells.load(["t/a", "t/b", "t/c", "t/gone"]), 2);
  assert.deepEqual(b.users(), ["b", "c"]);
  const why = "its snapshot is no good, as part '' fails its checksum, and the ";
  assert.deepEqual(b.told, [
    `halted t/a: ${why}oldest days of the journal were dropped`,
    `halted t/gone: ${why}journal has no rows of it`,
  ]);
});

Deno.test("Cells.load() halts whose journal lacks the row that the damaged snapshot reflects", async () => {
  const b = new Bench();
  await b.commit(["b", "a"], { snapshots: [damaged("a", 0)] });
  await b.cells.load(["t/a"]);
  assert.match(b.told[0]!, /^halted t\/a: .*no row at offset 0, which it reflects$/);
});

Deno.test("Cells.load() halts a snapshot-durable actor whose snapshot is damaged", async () => {
  const b = new Bench(tallyGameStage);
  const { epoch } = await b.store.takeShard("game", 0, "me");
  const snapshots = [damaged("a", 0), part("b", 0, 5)];
  const batch = { stage: "game", partition: 0, epoch, oldOffset: 0, newOffset: 1 } as const;
  const rest = { rows: [], outbox: [], timers: [], sources: {}, emittedOffset: 0 };
  await b.store.commit({ ...batch, ...rest, snapshots, hashChange: "0" });
  assert.equal(await b.cells.load(["t/a", "t/b"]), 1);
  assert.deepEqual(b.users(), ["b"]);
  assert.deepEqual(b.told, ["halted t/a: its snapshot is no good, as part '' fails its checksum"]);
});

Deno.test("Cells.load() halts whose replay throws, once, and keeps its rows from being forgotten", async () => {
  const b = new Bench();
  await b.commit(["a", "b"]);
  tallyThrowsFor("a");
  try {
    assert.equal(await b.cells.load(["t/a", "t/b"]), 1);
    assert.equal(await b.cells.load(["t/a"]), 0);
    assert.equal(b.faults.count("load"), 1, "it is not tried again");
    assert.deepEqual(b.told, ["halted t/a: replay of offset 0 failed: told to"]);
    b.cells.drop("t/b");
    assert.equal(b.cells.behindSince, 1000, "the clean time must not pass them");
  } finally {
    tallyThrowsFor(undefined);
  }
  b.cells.troubles.release("t/a");
  assert.equal(await b.cells.load(["t/a"]), 1);
});

Deno.test("Cells.past() goes to the journal when the snapshot is damaged, and changes nobody", async () => {
  const b = new Bench();
  await b.commit(["a", "a", "a"], { snapshots: [damaged("a", 0)] });
  assert.equal(((await b.cells.past("t/a", { offset: 1 }))!.state as Tally).sum, 2);
  assert.equal(await b.cells.past("t/a", { offset: -1 }), undefined);
  b.store.dropRowsBefore("player", 0, 1);
  await assert.rejects(b.cells.past("t/a", { offset: 1 }), { name: "ActorHalted" });
  tallyThrowsFor("b");
  try {
    await b.commit(["b"]);
    await assert.rejects(b.cells.past("t/b", { offset: 9 }), {
      name: "ActorHalted",
      reason: "replay of offset 3 failed: told to",
    });
  } finally {
    tallyThrowsFor(undefined);
  }
  assert.deepEqual([b.told, b.cells.size, b.cells.troubles.haltedCount], [[], 0, 0]);
});

Deno.test("Cells.reload() knows of the snapshot that a commit in flight carries", async () => {
  const b = new Bench();
  await b.commit(["a"]);
  await b.cells.load(["t/a"]);
  const [carried] = b.cells.snapshot(b.cells.peek("t/a")!);
  const cell = (await b.cells.reload("t/a"))!;
  assert.equal(cell.hashes.get(""), carried!.hash, "though the store has none");
  assert.equal(b.cells.peek("t/a"), cell);
});

Deno.test("Cells.reload() gives nobody who cannot be loaded any more, and keeps what it is behind", async () => {
  const b = new Bench();
  await b.commit(["a"]);
  await b.cells.load(["t/a"]);
  tallyThrowsFor("a");
  try {
    assert.equal(await b.cells.reload("t/a"), undefined);
  } finally {
    tallyThrowsFor(undefined);
  }
  assert.deepEqual([b.cells.size, b.cells.behindSince], [0, 1000]);
  assert.deepEqual(b.told, ["halted t/a: replay of offset 0 failed: told to"]);
});
