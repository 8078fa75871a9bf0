import assert from "node:assert/strict";
import { fingerprintHex } from "../../schema/hash.ts";
import { settle } from "../tree/tree_fakes.ts";
import { Cells } from "./cells.ts";
import { Bench, part } from "./testing/cells_fixture.ts";
import { away } from "./testing/faults.ts";
import { type Tally, tallyBytes, tallyStage } from "./testing/tally.ts";

/** Bytes that a live tally counts for. */
const size = tallyBytes + 300;

Deno.test("Cells.load() builds actors from their snapshot and the journal after it", async () => {
  const b = new Bench();
  await b.commit(["a", "a", "b", "a"], { snapshots: [part("a", 1, 40)] });
  await b.cells.load(["t/a", "t/b", "t/nobody"]);
  assert.deepEqual([b.sum("a"), b.sum("b"), b.sum("nobody")], [41, 1, undefined]);
  const { offset, snapshotOffset, rowsBehind, behindSince, pinnedAt } = b.cells.peek("t/a")!;
  assert.deepEqual([offset, snapshotOffset, rowsBehind, behindSince, pinnedAt], [
    3,
    1,
    1,
    1003,
    -1,
  ]);
  assert.deepEqual([b.cells.size, b.cells.bytes, b.cells.loaded], [2, 2 * size, 2]);
});

Deno.test("Cells.load() asks the store once for all, and not at all for who is live", async () => {
  const b = new Bench();
  await b.commit(["a", "b", "c"]);
  await b.cells.load(["t/a", "t/b"]);
  await b.cells.load(["t/b", "t/c"]);
  await b.cells.load(["t/a", "t/b", "t/c"]);
  assert.equal(b.faults.count("load"), 2);
  assert.deepEqual(b.users(), ["a", "b", "c"]);
});

Deno.test("Cells.load() shares a load that is under way", async () => {
  const b = new Bench();
  await b.commit(["a", "b"]);
  const release = b.faults.hold("load");
  const loads = Promise.all([b.cells.load(["t/a"]), b.cells.load(["t/a", "t/b"])]);
  await settle();
  assert.equal(b.faults.count("load"), 2, "the second asks for b alone");
  release();
  assert.deepEqual(await loads, [1, 2]);
  assert.equal(b.cells.loaded, 2);
  assert.equal(b.sum("a"), 1);
});

Deno.test("Cells.load() that fails can be done again", async () => {
  const b = new Bench();
  await b.commit(["a"]);
  b.faults.fail("load", away());
  await assert.rejects(b.cells.load(["t/a"]), { name: "Unavailable" });
  assert.equal(await b.cells.load(["t/a"]), 1);
});

Deno.test("Cells.snapshot() gives a part that loads as the same actor, and counts it as caught up", async () => {
  const b = new Bench();
  await b.commit(["a", "a"]);
  await b.cells.load(["t/a"]);
  const cell = b.cells.peek("t/a")!;
  const [snapshot] = b.cells.snapshot(cell);
  assert.equal(snapshot!.checksum, fingerprintHex(snapshot!.body));
  assert.deepEqual([snapshot!.offset, snapshot!.version], [1, 5]);
  assert.deepEqual([cell.rowsBehind, cell.behindSince], [0, Infinity]);
  assert.equal(b.cells.behindSince, Infinity);
  await b.commit([], { snapshots: [snapshot!] });
  const other = new Cells(tallyStage, 0, b.store);
  await other.load(["t/a"]);
  assert.deepEqual(other.peek("t/a")!.state, cell.state);
  assert.equal(other.peek("t/a")!.rowsBehind, 0);
});

Deno.test("Cells.behindSince is the oldest arrival that no snapshot reflects", async () => {
  const b = new Bench();
  assert.equal(b.cells.behindSince, Infinity);
  await b.commit(["a", "b"]);
  await b.cells.load(["t/b"]);
  assert.equal(b.cells.behindSince, 1001);
  await b.cells.load(["t/a"]);
  assert.equal(b.cells.behindSince, 1000);
});

Deno.test("Cells.loadAsked() lets a crowd share queries, two at once", async () => {
  const b = new Bench();
  const users = Array.from({ length: 250 }, (_, i) => `u${i}`);
  await b.commit(users);
  const release = b.faults.hold("load");
  const loads = users.map((user) => b.cells.loadAsked(`t/${user}`));
  await settle();
  assert.equal(b.faults.count("load"), 2, "one each for the first two, the others wait");
  release();
  const loaded = await Promise.all(loads);
  assert.equal(b.faults.count("load"), 2 + 3, "100 at most share one");
  assert.deepEqual([loaded[0], loaded[1], loaded[2], loaded[249]], [1, 1, 100, 48]);
  assert.equal(b.cells.size, 250);
});

Deno.test("Cells.loadAsked() fails for those who shared the query that failed, and for nobody else", async () => {
  const b = new Bench();
  await b.commit(["a", "b", "c", "d", "e"]);
  const release = b.faults.hold("load");
  const loads = ["a", "b", "c", "d"].map((user) => b.cells.loadAsked(`t/${user}`));
  await settle();
  let calls = 0;
  b.faults.onCall = () => calls++ === 2 ? away() : undefined;
  release();
  const settled = await Promise.allSettled(loads);
  assert.deepEqual(settled.map(({ status }) => status), [
    "fulfilled",
    "fulfilled",
    "rejected",
    "rejected",
  ]);
  assert.equal(await b.cells.loadAsked("t/e"), 1);
  assert.equal(await b.cells.loadAsked("t/c"), 1);
});

Deno.test("Cells.reload() takes the actor from the store, keeps its pin and what it is behind", async () => {
  const b = new Bench();
  await b.commit(["a"]);
  await b.cells.load(["t/a"]);
  const broken = b.cells.peek("t/a")!;
  (broken.state as Tally).sum = 666;
  broken.pinnedAt = 9;
  b.faults.fail("load", away());
  await assert.rejects(b.cells.reload("t/a"), { name: "Unavailable" });
  assert.equal(b.cells.peek("t/a"), undefined, "nobody sees the broken one");
  assert.equal(b.cells.behindSince, 1000, "but its rows are still behind");
  const cell = (await b.cells.reload("t/a"))!;
  assert.deepEqual([(cell.state as Tally).sum, cell.pinnedAt], [1, 9]);
  assert.equal(b.cells.bytes, size);
});

Deno.test("Cells.reload() makes a new actor of one the store has never seen", async () => {
  const b = new Bench();
  b.cells.create("t/a").pinnedAt = 4;
  const cell = (await b.cells.reload("t/a"))!;
  assert.deepEqual([cell.offset, cell.pinnedAt, (cell.state as Tally).sum], [-1, 4, 0]);
  assert.equal(b.cells.behindSince, Infinity);
});

Deno.test("Cells.passivate() does nothing within the budget", () => {
  const b = new Bench();
  for (const user of ["a", "b"]) b.idle(user);
  assert.deepEqual(b.cells.passivate(2 * size, 100, 10), []);
  assert.deepEqual(b.users(), ["a", "b"]);
});

Deno.test("Cells.passivate() lets as many go as the budget asks, the longest unused first", () => {
  const b = new Bench();
  for (const user of ["a", "b", "c", "d", "e"]) b.idle(user);
  b.cells.get("t/a");
  b.cells.get("t/c");
  b.cells.passivate(3 * size, 100, 10);
  assert.deepEqual(b.users(), ["a", "c", "e"]);
  assert.deepEqual([b.cells.bytes, b.cells.passivated], [3 * size, 2]);
});

Deno.test("Cells.passivate() takes the recently used, too, when nobody else is left", () => {
  const b = new Bench();
  for (const user of ["a", "b"]) b.cells.create(`t/${user}`);
  b.cells.passivate(0, 100, 10);
  assert.deepEqual(b.users(), []);
});

Deno.test("Cells.passivate() leaves who has messages that are not committed, or at hand", () => {
  const b = new Bench();
  b.idle("committed", { pinnedAt: 9 });
  b.idle("pinned", { pinnedAt: 10 });
  b.idle("expected");
  b.cells.expect(new Set(["t/expected"]));
  b.cells.passivate(0, 10, 10);
  assert.deepEqual(b.users(), ["expected", "pinned"]);
  b.cells.expect(new Set());
  b.cells.passivate(0, 11, 10);
  assert.deepEqual(b.users(), []);
});

Deno.test("Cells.passivate() returns who must be snapshotted first, each once and not too many", () => {
  const b = new Bench();
  for (const user of ["a", "b", "c"]) b.idle(user, { offset: 5, snapshotOffset: 2 });
  b.idle("d");
  const ids = (most: number) => b.cells.passivate(0, 100, most).map((cell) => cell.id.slice(2));
  assert.deepEqual(ids(10).sort(), ["a", "b", "c"]);
  assert.deepEqual(b.users(), ["a", "b", "c"], "they stay until the snapshot is stored");
  assert.equal(ids(2).length, 2);
  assert.deepEqual(ids(0), []);
});

Deno.test("Cells.passivate() does not ask for more snapshots than the excess needs", () => {
  const b = new Bench();
  for (const user of ["a", "b", "c"]) b.idle(user, { offset: 5 });
  assert.equal(b.cells.passivate(2 * size, 100, 10).length, 1);
});

Deno.test("Cells.passivateIfIdle() lets go who is unchanged since its snapshot, while over budget", () => {
  const b = new Bench();
  const stored = { offset: 5, snapshotOffset: 5, pinnedAt: 5 };
  b.idle("a", stored);
  b.idle("changed", { ...stored, offset: 6 });
  b.idle("pinned", { ...stored, pinnedAt: 6 });
  b.idle("used", { ...stored, referenced: true });
  b.idle("expected", stored);
  b.cells.expect(new Set(["t/expected"]));
  const all = [...b.users(), "gone"];
  for (const user of all) b.cells.passivateIfIdle(`t/${user}`, 6, 5 * size);
  assert.equal(b.cells.size, 5, "within the budget");
  for (const user of all) b.cells.passivateIfIdle(`t/${user}`, 6, 0);
  assert.deepEqual(b.users(), ["changed", "expected", "pinned", "used"]);
});

Deno.test("Cells.passivate() goes round and round over actors that come and go", async () => {
  const b = new Bench();
  const users = Array.from({ length: 40 }, (_, i) => `u${i}`);
  await b.commit(users, { snapshots: users.map((user, i) => part(user, i, i)) });
  for (let round = 0; round < 300; round++) {
    const wanted = new Set([0, 1, 2, 3].map((i) => `t/u${(round * 7 + i * 11) % 40}`));
    b.cells.expect(wanted);
    await b.cells.load(wanted);
    for (const id of wanted) assert.ok(b.cells.get(id), "the wanted are live");
    b.cells.passivate(6 * size, b.offset, 10);
    assert.ok(b.cells.bytes <= 6 * size, `round ${round}`);
    assert.equal(b.cells.bytes, b.cells.size * size);
  }
  assert.ok(b.cells.passivated > 500);
  for (const cell of b.cells.values()) {
    assert.equal((cell.state as Tally).sum, Number(cell.id.slice(3)));
  }
});

Deno.test("Cells.measure() keeps the byte count right as states grow", () => {
  let bytes = 100;
  const behaviour = { ...tallyStage.behaviour, bytes: () => bytes };
  const b = new Bench({ ...tallyStage, behaviour });
  const cell = b.cells.create("t/a");
  b.cells.create("t/b");
  assert.equal(b.cells.bytes, 800);
  bytes = 5000;
  b.cells.measure(cell);
  assert.equal(b.cells.bytes, 5300 + 400);
  b.cells.drop("t/a");
  b.cells.drop("t/a");
  assert.equal(b.cells.bytes, 400);
});

Deno.test("Cells.touched() looks at a state's size at the first commit and every eighth from there", () => {
  let looks = 0;
  const behaviour = { ...tallyStage.behaviour, bytes: () => 100 * ++looks };
  const b = new Bench({ ...tallyStage, behaviour });
  const cell = b.cells.create("t/a");
  const seen = Array.from({ length: 16 }, () => {
    b.cells.touched(cell);
    return b.cells.bytes;
  });
  assert.deepEqual(seen, [...Array(8).fill(500), ...Array(8).fill(600)]);
});
