import assert from "node:assert/strict";
import { limits } from "../../schema/limits.ts";
import { topicTable } from "../../schema/topics.ts";
import type { LogRecord } from "../log/log.ts";
import { MemoryStore } from "../store/memory_store.ts";
import type { CommitBatch, SourcePosition } from "../store/store.ts";
import { Applier } from "./applier.ts";
import { Batch } from "./batch.ts";
import { Cells } from "./cells.ts";
import type { Stage } from "./stage.ts";
import { playerIn } from "./testing/shard_world.ts";
import { addEvent, type Tally, tallyGameStage, tallyProbe, tallyStage } from "./testing/tally.ts";

/** An applier with one batch that can be committed, and records that follow each other. */
class Bench {
  readonly store = new MemoryStore();
  readonly cells: Cells;
  readonly applier: Applier;
  readonly parked: [string, string][] = [];
  readonly sources: Record<string, SourcePosition> = {};
  batch = new Batch(0);
  #offset = 0;
  #epoch = 0;

  constructor(stage: Stage = tallyStage) {
    this.cells = new Cells(stage, 0, this.store);
    this.applier = new Applier(stage, 0, this.cells, {
      uncommitted: (id) => this.batch.messagesOf(id, stage),
      reload: (id) => this.cells.reload(id),
      parked: (id, error) => this.parked.push([id, error.message]),
    });
  }

  /** Applies a record; returns whether it had to wait. */
  async apply(value: unknown, timestamp = 1000, key?: string): Promise<boolean> {
    const text = typeof value === "string" ? value : JSON.stringify(value);
    key ??= playerIn(text);
    const record: LogRecord = { offset: this.#offset++, timestamp, key, value: text };
    const decoded = this.applier.decode(record);
    const waits = this.applier.apply(record, decoded, this.sources, this.batch);
    if (waits !== undefined) await waits;
    return waits !== undefined;
  }

  tally(user: string): Tally | undefined {
    return this.cells.peek(`t/${user}`)?.state as Tally | undefined;
  }

  async commit(): Promise<CommitBatch> {
    const { name: stage } = this.cells.stage;
    if (this.#epoch === 0) this.#epoch = (await this.store.takeShard(stage, 0, "me")).epoch;
    const owner = { stage, partition: 0, epoch: this.#epoch, emittedOffset: 0, cleanAt: undefined };
    const sealed = this.batch.seal(owner, this.cells, topicTable());
    await this.store.commit(sealed);
    this.batch = new Batch(sealed.newOffset);
    return sealed;
  }

  async letters() {
    const { outbox } = await this.commit();
    return outbox.filter((r) => r.topic === "dlq.events").map((r) => JSON.parse(r.value));
  }
}

/** A record of folded deltas for the games `t/…`. */
const folded = (position: SourcePosition, games: Record<string, object>, source = "player/1") => ({
  source,
  position,
  at: 5,
  games: Object.fromEntries(
    Object.entries(games).map(([id, totals]) => [`t/${id}`, { totals, days: {}, scores: {} }]),
  ),
});

Deno.test("Applier.apply() runs a message through its actor, and the batch holds all that follows", async () => {
  const b = new Bench();
  assert.equal(await b.apply(addEvent("a", 5), 1000), false, "the common way is synchronous");
  await b.apply(addEvent("a", 2), 1500);
  await b.apply(addEvent("b", 1), 1400);
  assert.deepEqual([b.tally("a"), b.tally("b")], [
    { sum: 7, offsets: [0, 1] },
    { sum: 1, offsets: [2] },
  ]);
  const { offset, pinnedAt, rowsBehind, behindSince } = b.cells.peek("t/a")!;
  assert.deepEqual([offset, pinnedAt, rowsBehind, behindSince], [1, 1, 2, 1000]);
  assert.deepEqual([b.batch.newOffset, b.batch.newestAt, b.batch.size], [3, 1500, 3]);
  const { rows, timers, outbox } = await b.commit();
  assert.deepEqual(rows.map((r) => [r.offset, r.actorId, r.receivedAt]), [
    [0, "t/a", 1000],
    [1, "t/a", 1500],
    [2, "t/b", 1400],
  ]);
  assert.deepEqual(timers.map((t) => [t.actorId, t.dueAt]), [
    ["t/a", 1500 + limits.sessionSilenceMs],
    ["t/b", 1400 + limits.sessionSilenceMs],
  ]);
  const { games } = JSON.parse(outbox[0]!.value);
  assert.deepEqual(games, {
    "t/game": { totals: { ccu: 8 }, days: {}, scores: { b: { "t/a": 5, "t/b": 1 } } },
  });
});

Deno.test("Applier.apply() moves the offset past a message that changed nothing, and keeps no row", async () => {
  const b = new Bench();
  await b.apply(addEvent("a", 0));
  assert.deepEqual([b.batch.newOffset, b.batch.size, b.applier.ignored], [1, 0, 1]);
  const { offset, pinnedAt } = b.cells.peek("t/a")!;
  assert.deepEqual([offset, pinnedAt], [-1, 0], "pinned nevertheless: its offset is not committed");
  assert.deepEqual((await b.commit()).rows, []);
});

Deno.test("Applier.open() knows from keys whom records are for, and decodes each when it is asked for", () => {
  let decoded = 0;
  const decode: Stage["decode"] = (record) => (decoded++, tallyStage.decode(record));
  const { applier } = new Bench({ ...tallyStage, decode });
  const records = ["t/a", "t/b", "t/a", "t/b\0"].map((key, offset) => ({
    offset,
    timestamp: 1000,
    key,
    value: JSON.stringify(addEvent(key.slice(2), 1)),
  }));
  const { addressees, at } = applier.open(records);
  // A store fails whoever looks for an id with NUL.
  assert.deepEqual([...addressees], ["t/a", "t/b"]);
  assert.equal(decoded, 0);
  assert.deepEqual(at(1).messages.map(({ actorId }) => actorId), ["t/b"]);
  assert.equal(decoded, 1);
  assert.match(at(3).error!.message, /Cannot read a record/);
});

Deno.test("Applier.open() decodes the records of a stage whose keys say nothing at once", () => {
  const { applier } = new Bench(tallyGameStage);
  const value = JSON.stringify(folded([1, 0], { g: { ccu: 1 }, h: { ccu: 2 } }));
  const { addressees, at } = applier.open([{ offset: 0, timestamp: 1000, key: "player/0", value }]);
  assert.deepEqual([...addressees], ["t/g", "t/h"]);
  assert.equal(at(0).messages.length, 2);
});

Deno.test("Applier.apply() parks what cannot be decoded, and goes on", async () => {
  const b = new Bench();
  await b.apply("{", 1000, "t/key");
  await b.apply({}, 1000, "t/key");
  await b.apply(addEvent("a", 1));
  assert.equal(b.tally("a")!.sum, 1);
  assert.deepEqual(b.parked.map(([key]) => key), ["t/key", "t/key"]);
  const letters = await b.letters();
  assert.deepEqual(letters.map(({ message: _, ...letter }) => letter), [
    { studio: "t", source: "player", code: "undecodable", payload: "{" },
    { studio: "t", source: "player", code: "undecodable", payload: "{}" },
  ]);
});

Deno.test("Applier.apply() parks invalid input at once, without the actor's state", async () => {
  const b = new Bench();
  await b.apply(addEvent("a", 5));
  tallyProbe.received = 0;
  const refused = addEvent("a", 9, "refused");
  await b.apply(refused);
  assert.equal(tallyProbe.received, 1, "no second try");
  assert.equal(b.tally("a")!.sum, 5);
  assert.deepEqual(b.parked, [["t/a", "told to"]]);
  assert.deepEqual(await b.letters(), [{
    studio: "t",
    source: "player",
    code: "refused",
    message: "told to",
    payload: JSON.stringify(refused),
    event: refused,
    actor: { id: "t/a", state: null, position: "0:1", version: 5 },
  }]);
});

Deno.test("Applier.apply() tries a message that throws once more and parks it as a bundle", async () => {
  const b = new Bench();
  await b.apply(addEvent("a", 5));
  tallyProbe.received = 0;
  const poison = addEvent("a", 100, "poison");
  assert.equal(await b.apply(poison), true);
  assert.equal(tallyProbe.received, 4, "two tries, each on an actor rebuilt of one message");
  assert.deepEqual(b.tally("a"), { sum: 5, offsets: [0] }, "nothing of it stays");
  assert.deepEqual(await b.letters(), [{
    studio: "t",
    source: "player",
    code: "poison",
    message: "told to",
    payload: JSON.stringify(poison),
    event: poison,
    actor: { id: "t/a", state: [["", { sum: 5, offsets: [0] }]], position: "0:1", version: 5 },
  }]);
});

Deno.test("Applier.apply() keeps a message whose second try succeeds", async () => {
  const b = new Bench();
  await b.apply(addEvent("a", 5));
  tallyProbe.flaky = 1;
  await b.apply(addEvent("a", 100, "flaky"));
  assert.deepEqual(b.tally("a"), { sum: 105, offsets: [0, 1] });
  const { rows, outbox } = await b.commit();
  assert.equal(rows.length, 2);
  assert.equal(JSON.parse(outbox[0]!.value).games["t/game"].totals.ccu, 105, "counted once");
  assert.deepEqual(b.parked, []);
});

Deno.test("Applier.apply() rebuilds an actor from snapshot, journal and what is not committed", async () => {
  const b = new Bench();
  await b.apply(addEvent("a", 1));
  b.batch.snapshots.add("t/a");
  await b.commit();
  await b.apply(addEvent("a", 10));
  await b.commit();
  await b.apply(addEvent("a", 100), 2000);
  await b.apply(addEvent("b", 3));
  await b.apply(addEvent("a", 5000, "poison"));
  await b.apply(addEvent("a", 1000));
  assert.deepEqual(b.tally("a"), { sum: 1111, offsets: [0, 1, 2, 5] });
  assert.equal(b.tally("b")!.sum, 3);
  const { offset, pinnedAt, rowsBehind, behindSince } = b.cells.peek("t/a")!;
  assert.deepEqual([offset, pinnedAt, rowsBehind, behindSince], [5, 5, 3, 1000]);
  const { rows } = await b.commit();
  assert.deepEqual(rows.map((r) => r.offset), [2, 3, 5]);
});

Deno.test("Applier.apply() does not apply again what was committed while it rebuilt", async () => {
  const b = new Bench();
  await b.apply(addEvent("a", 1));
  const applied = b.batch.messagesOf("t/a", tallyStage);
  await b.commit();
  // As the shard does while a commit is in flight: still uncommitted when the rebuild began.
  b.applier.ports.uncommitted = () => applied;
  await b.apply(addEvent("a", 7, "poison"));
  assert.deepEqual(b.tally("a"), { sum: 1, offsets: [0] });
});

Deno.test("Applier.apply() leaves the state out of a bundle when it is too large", async () => {
  const b = new Bench();
  await b.apply(addEvent("a", 1));
  b.tally("a")!.offsets = new Array(limits.deadLetterStateCharsMax / 2 + 10).fill(1);
  b.batch.snapshots.add("t/a");
  await b.commit();
  await b.apply(addEvent("a", 1, "poison"));
  assert.deepEqual((await b.letters())[0].actor.state, null);
});

Deno.test("Applier.apply() cuts the payload of a dead letter, and keeps the event whole", async () => {
  const b = new Bench();
  const long = { ...addEvent("a", 1, "poison"), context: { text: "x".repeat(50_000) } };
  await b.apply(long);
  const [letter] = await b.letters();
  assert.equal(letter.payload, JSON.stringify(long).slice(0, limits.deadLetterPayloadBytesMax));
  assert.deepEqual(letter.event, long);
});

Deno.test("Applier.apply() gives internal events no way to be replayed", async () => {
  const b = new Bench();
  const behaviour = {
    ...tallyStage.behaviour,
    receive: () => {
      throw new TypeError("always");
    },
  };
  const always = new Bench({ ...tallyStage, behaviour });
  await always.apply(addEvent("a", 1, "$timer"));
  const [letter] = await always.letters();
  assert.ok(!("event" in letter));
  await b.apply(addEvent("a", 1, "poison"));
  assert.ok("event" in (await b.letters())[0]);
});

Deno.test("Applier.apply() takes each record of a source once, in order, whatever is repeated", async () => {
  const b = new Bench(tallyGameStage);
  const ccu = async (position: SourcePosition, source?: string) => {
    await b.apply(folded(position, { g: { ccu: 1 } }, source));
    return b.tally("g")!.sum;
  };
  assert.equal(await ccu([10, 0]), 1);
  assert.equal(await ccu([10, 0]), 1, "repeated");
  assert.equal(await ccu([10, 1]), 2);
  assert.equal(await ccu([10, 0]), 2, "late");
  assert.equal(await ccu([9, 5]), 2);
  assert.equal(await ccu([10, 0], "player/2"), 3, "each source for itself");
  assert.equal(await ccu([11, 0]), 4);
  assert.equal(b.applier.ignored, 3);
  const { sources, newOffset } = await b.commit();
  assert.deepEqual(sources, { "player/1": [11, 0], "player/2": [10, 0] });
  assert.equal(newOffset, 7, "the repeated ones are behind us, too");
});

Deno.test("Applier.apply() goes on from the positions that the store knew", async () => {
  const b = new Bench(tallyGameStage);
  b.sources["player/1"] = [10, 1];
  await b.apply(folded([10, 1], { g: { ccu: 1 } }));
  assert.equal(b.tally("g"), undefined);
  assert.deepEqual((await b.commit()).sources, {}, "changed ones only");
});

Deno.test("Applier.apply() parks one game of a record and applies the others, before and after it", async () => {
  const b = new Bench(tallyGameStage);
  await b.apply(folded([1, 0], { a: { ccu: 1 }, bad: { ccu: 1 }, z: { ccu: 1 } }));
  const games = { a: { ccu: 2 }, bad: { ccu: 5, poison: 1 }, z: { ccu: 4 } };
  await b.apply(folded([2, 0], games));
  assert.deepEqual(["a", "bad", "z"].map((id) => b.tally(id)!.sum), [3, 1, 5]);
  assert.deepEqual(b.parked, [["t/bad", "told to"]]);
  assert.equal(b.batch.newOffset, 2);
  const [letter] = await b.letters();
  assert.deepEqual([letter.code, letter.source, "event" in letter], ["poison", "game", false]);
  assert.equal(letter.actor.id, "t/bad");
});

Deno.test("Applier.apply() finishes a record only when all of its messages are done", async () => {
  const b = new Bench(tallyGameStage);
  const gate = Promise.withResolvers<void>();
  b.applier.ports.reload = async (id) => {
    await gate.promise;
    return await b.cells.reload(id);
  };
  const done = b.apply(folded([2, 0], { a: { ccu: 2 }, bad: { poison: 1 } }));
  assert.ok(b.batch.isEmpty, "half a record must not be sealed");
  assert.equal(b.batch.newOffset, 0);
  gate.resolve();
  await done;
  assert.equal(b.batch.newOffset, 1);
});

Deno.test("Applier.apply() halts a game that cannot be rebuilt, and parks what no snapshot has of it", async () => {
  let isBroken = false;
  const { receive } = tallyGameStage.behaviour;
  const behaviour: Stage["behaviour"] = {
    ...tallyGameStage.behaviour,
    receive(state, message, ctx) {
      if (isBroken && ctx.actorId === "t/a") throw new TypeError("another code");
      return receive(state, message, ctx);
    },
  };
  const b = new Bench({ ...tallyGameStage, behaviour });
  await b.apply(folded([1, 0], { a: { ccu: 1 } }));
  await b.commit();
  await b.apply(folded([2, 0], { a: { ccu: 20 }, z: { ccu: 5 } }));
  isBroken = true;
  await b.apply(folded([3, 0], { a: { ccu: 300 }, z: { ccu: 6 } }));
  isBroken = false;
  await b.apply(folded([4, 0], { a: { ccu: 4000 }, z: { ccu: 7 } }));
  assert.deepEqual([b.tally("a"), b.tally("z")!.sum], [undefined, 18]);
  const [halted] = b.cells.troubles.halted();
  assert.deepEqual([halted!.actorId, halted!.reason], ["t/a", "replay failed: another code"]);
  const { outbox, snapshots } = await b.commit();
  assert.deepEqual(snapshots.map(({ actorId }) => actorId), ["t/z"]);
  const letters = outbox.filter((r) => r.topic === "dlq.events").map((r) => JSON.parse(r.value));
  assert.deepEqual(
    letters.map(({ code, actor, payload }) => [
      code,
      actor.position,
      JSON.parse(payload).delta.totals.ccu,
    ]),
    [["actor_halted", "0:1", 20], ["actor_halted", "0:2", 300], ["actor_halted", "0:3", 4000]],
    "with the stored state each delta is in one place",
  );
});
