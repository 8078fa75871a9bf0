import assert from "node:assert/strict";
import { fingerprintHex } from "../../schema/hash.ts";
import { limits } from "../../schema/limits.ts";
import type { CommitBatch, SnapshotPart } from "../store/store.ts";
import type { Stage } from "./stage.ts";
import { away, silent } from "./testing/faults.ts";
import { type Running, ShardWorld } from "./testing/shard_world.ts";
import {
  addEvent,
  type Tally,
  tallyGameStage,
  tallyStage,
  tallyThrowsFor,
} from "./testing/tally.ts";

const sumOf = (r: Running, user: string) => r.shard.ask(`t/${user}`, "sum", 0);

/** A run with `a` at 11 and `b` at 5, stopped, so that both have snapshots. */
async function played(w: ShardWorld): Promise<void> {
  const r = w.start({ stage: tallyStage });
  await w.send(addEvent("a", 1), addEvent("b", 5), addEvent("a", 10));
  await w.settled(r);
  await w.stop(r);
}

/** Restarts an actor, while time passes. */
async function restart(w: ShardWorld, { shard }: Running, id: string): Promise<boolean> {
  let done: boolean | undefined;
  shard.restartActor(id).then((is) => done = is);
  await w.until(() => done !== undefined);
  return done!;
}

/** Writes over what the store has of an actor's snapshot. */
async function overwrite(
  w: ShardWorld,
  id: string,
  change: (part: SnapshotPart) => Partial<SnapshotPart>,
  fields: Partial<CommitBatch> = {},
): Promise<void> {
  const { stage = "player" } = fields;
  const { epoch, nextOffset } = await w.store.takeShard(stage, 0, "vandal");
  const [actor] = await w.store.load(stage, 0, [id]);
  const batch = { stage, partition: 0, epoch, oldOffset: nextOffset, newOffset: nextOffset };
  const rest = { rows: [], outbox: [], timers: [], sources: {}, emittedOffset: 0, hashChange: "0" };
  const snapshots = actor!.parts.map((part) => ({ ...part, ...change(part) }));
  await w.store.commit({ ...batch, ...rest, snapshots, ...fields });
}

const flipped = ({ body }: SnapshotPart) => ({ body: body.replace("11", "13") });

/** What the shards of a test tell of trouble. */
function listening() {
  const told: string[] = [];
  const events = {
    rebuilt: (id: string, reason: string) => told.push(`rebuilt ${id}: ${reason}`),
    halted: (id: string) => told.push(`halted ${id}`),
  };
  return { told, events };
}

Deno.test("Shard rebuilds who has a damaged snapshot, and writes a good one with the next commit", async () => {
  const w = new ShardWorld();
  await played(w);
  await overwrite(w, "t/a", flipped);
  const { told, events } = listening();
  const r = w.start({ stage: tallyStage, events });
  await w.until(() => r.shard.report().state === "running");
  assert.deepEqual([await sumOf(r, "a"), await sumOf(r, "b")], [11, 5]);
  assert.deepEqual(told, ["rebuilt t/a: checksum"]);
  const commits = w.faults.count("commit");
  await w.until(() => w.faults.count("commit") > commits);
  await w.clock.advance(10);
  const [stored] = await w.store.load("player", 0, ["t/a"]);
  const { body, checksum, offset } = stored!.parts[0]!;
  assert.deepEqual(JSON.parse(body), { sum: 11, offsets: [0, 2] });
  assert.deepEqual([checksum, offset], [fingerprintHex(body), 2]);
  await w.end("kill");
  const again = w.start({ stage: tallyStage, events });
  await w.until(() => again.shard.report().state === "running");
  assert.equal(await sumOf(again, "a"), 11);
  assert.equal(told.length, 1, "it is good now");
  await w.end();
});

/** The tally after it was renamed: `sum` became `total`, and it counts its messages. */
const renamed: Stage = {
  ...tallyStage,
  behaviour: {
    ...tallyStage.behaviour,
    version: 6,
    ask: (state: { total: number }) => state.total,
    create: () => ({ total: 0, offsets: [] }),
    receive: (state: { total: number; offsets: number[] }, event, { offset }) => {
      state.total += event.properties["n"];
      state.offsets.push(offset);
      return [];
    },
  },
};
const lifting: Stage = {
  ...renamed,
  behaviour: {
    ...renamed.behaviour,
    upcast: {
      5: (parts) =>
        parts.map(({ part, body }) => {
          const { sum, offsets } = JSON.parse(body) as Tally;
          // Shows that it was lifted, and not replayed.
          return { part, body: JSON.stringify({ total: sum, offsets, isLifted: true }) };
        }),
    },
  },
};

Deno.test("Shard lifts an old snapshot with the behaviour's upcaster, and rebuilds without one", async () => {
  for (
    const [stage, expected] of [[lifting, []], [renamed, ["rebuilt t/a: older_version"]]] as const
  ) {
    const w = new ShardWorld();
    await played(w);
    const { told, events } = listening();
    const r = w.start({ stage, events });
    await w.until(() => r.shard.report().state === "running");
    assert.equal(await sumOf(r, "a"), 11);
    assert.deepEqual(told, expected);
    const { parts } = (await r.shard.inspect("t/a"))!;
    assert.equal("isLifted" in JSON.parse(parts[0]!.body), stage === lifting);
    await w.end();
  }
});

Deno.test("Shard rebuilds from the journal what newer code has snapshotted", async () => {
  const w = new ShardWorld();
  await played(w);
  await overwrite(w, "t/a", () => ({ version: 6 }));
  const { told, events } = listening();
  const r = w.start({ stage: tallyStage, events });
  await w.until(() => r.shard.report().state === "running");
  assert.equal(await sumOf(r, "a"), 11);
  assert.deepEqual(told, ["rebuilt t/a: newer_version"]);
  await w.end();
});

Deno.test("Shard halts a game whose snapshot is of a version that nothing lifts, and nobody else", async () => {
  const w = new ShardWorld();
  const delta = (...ids: string[]) =>
    w.log.append("game.deltas", [{
      partition: 0,
      key: "player/0",
      value: JSON.stringify({
        source: "player/0",
        position: [w.records("game.deltas").length, 0],
        at: 5,
        games: Object.fromEntries(
          ids.map((id) => [`t/${id}`, { totals: { ccu: 1 }, days: {}, scores: {} }]),
        ),
      }),
    }]);
  const first = w.startGame({ stage: tallyGameStage });
  await delta("a", "b");
  await w.settled(first);
  await w.stop(first);
  await overwrite(w, "t/a", () => ({ version: 4 }), { stage: "game" });
  const r = w.startGame({ stage: tallyGameStage });
  await delta("a", "b");
  await w.settled(r);
  assert.equal(await sumOf(r, "b"), 2);
  await assert.rejects(sumOf(r, "a"), { name: "ActorHalted", actorId: "t/a" });
  const [letter, ...others] = w.letters();
  assert.equal(others.length, 0);
  assert.deepEqual([letter!.code, letter!.actor!.id, letter!.actor!.version], [
    "actor_halted",
    "t/a",
    5,
  ]);
  assert.deepEqual(
    JSON.parse(letter!.payload).delta.totals,
    { ccu: 1 },
    "its own part of the record",
  );
  await w.end();
});

Deno.test("Shard halts who cannot be replayed, parks its events and goes on, until it is restarted", async () => {
  const w = new ShardWorld();
  const first = w.start({ stage: tallyStage });
  await w.send(addEvent("a", 1), addEvent("b", 5));
  await w.settled(first);
  first.kill.abort();
  await w.until(() => first.end !== undefined);
  tallyThrowsFor("a");
  try {
    const r = w.start({ stage: tallyStage });
    await w.until(() => r.shard.report().state === "running");
    w.faults.fail("load", away());
    const missed = [addEvent("a", 100), addEvent("a", 1000)];
    await w.send(missed[0]!, addEvent("b", 50), missed[1]!);
    await w.settled(r);
    assert.equal(await sumOf(r, "b"), 55);
    const letters = w.letters();
    assert.deepEqual(letters.map(({ code, event }) => [code, event]), [
      ["actor_halted", missed[0]],
      ["actor_halted", missed[1]],
    ]);
    const { state, version } = letters[0]!.actor!;
    assert.deepEqual([state, version], [null, 5]);
    await assert.rejects(sumOf(r, "a"), {
      name: "ActorHalted",
      reason: "replay of offset 0 failed: told to",
    });
    await assert.rejects(r.shard.inspect("t/a"), { name: "ActorHalted" });
    const [halted] = r.shard.halted();
    assert.deepEqual([halted!.actorId, halted!.reason], [
      "t/a",
      "replay of offset 0 failed: told to",
    ]);
    assert.ok(halted!.since > 0 && halted!.since <= w.clock.now());
    assert.equal(r.shard.report().halted, 1);
    const loads = w.faults.count("load");
    await w.send(addEvent("a", 5));
    await w.settled(r);
    assert.equal(w.faults.count("load"), loads, "it is not tried again and again");

    assert.equal(await restart(w, r, "t/a"), false, "the code is the same still");
    assert.equal(r.shard.report().halted, 1);
    tallyThrowsFor(undefined);
    assert.equal(await restart(w, r, "t/a"), true);
    assert.deepEqual([r.shard.halted(), await sumOf(r, "a")], [[], 1]);
    await w.send(...missed);
    await w.settled(r);
    assert.equal(await sumOf(r, "a"), 1101);
  } finally {
    tallyThrowsFor(undefined);
  }
  await w.end();
});

Deno.test("Shard keeps the clean time behind the rows of who is halted", async () => {
  const w = new ShardWorld();
  const first = w.start({ stage: tallyStage });
  await w.send(addEvent("a", 1), addEvent("b", 5));
  await w.settled(first);
  first.kill.abort();
  await w.until(() => first.end !== undefined);
  tallyThrowsFor("a");
  try {
    const r = w.start({ stage: tallyStage });
    // The keeper snapshots b, and would promise the same of a.
    for (let i = 0; i < 40; i++) {
      await w.clock.advance(5_000);
      await w.send(addEvent("b", 1));
    }
    await w.settled(r);
    assert.ok(r.commits.some(({ cleanAt }) => cleanAt !== undefined), "it has promised something");
    tallyThrowsFor(undefined);
    assert.equal(await restart(w, r, "t/a"), true);
    assert.equal(await sumOf(r, "a"), 1, "its row is found");
  } finally {
    tallyThrowsFor(undefined);
  }
  await w.end();
});

/** Halts at poison. */
const halting = (stage: Stage): Stage => ({
  ...stage,
  behaviour: { ...stage.behaviour, onPoison: "halt" },
});

Deno.test("Shard halts a player at poison when its behaviour wants so, and loses nothing of before", async () => {
  const w = new ShardWorld();
  const r = w.start({ stage: halting(tallyStage) });
  await w.send(addEvent("a", 1), addEvent("a", 9, "poison"), addEvent("a", 50), addEvent("b", 2));
  await w.settled(r);
  assert.deepEqual(w.letters().map(({ code }) => code), ["poison", "actor_halted"]);
  assert.deepEqual(w.letters()[0]!.actor!.state, [["", { sum: 1, offsets: [0] }]]);
  assert.match(r.shard.halted()[0]!.reason, /^it throws at offset 1: told to$/);
  assert.equal(await sumOf(r, "b"), 2);
  assert.equal(await restart(w, r, "t/a"), true);
  assert.equal(await sumOf(r, "a"), 1);
  await w.end();
});

Deno.test("Shard halts a game at poison with a snapshot of all before, half a second old or not", async () => {
  const w = new ShardWorld();
  const r = w.startGame({ stage: halting(tallyGameStage) });
  const record = (end: number, totals: object) => ({
    partition: 0,
    key: "player/0",
    value: JSON.stringify({
      source: "player/0",
      position: [end, 0],
      at: 5,
      games: { "t/a": { totals, days: {}, scores: {} } },
    }),
  });
  await w.log.append("game.deltas", [
    record(1, { ccu: 1 }),
    record(2, { ccu: 20 }),
    record(3, { poison: 1 }),
    record(4, { ccu: 300 }),
  ]);
  let restarted: boolean | undefined;
  await w.until(() => r.shard.halted().length > 0);
  r.shard.restartActor("t/a").then((is) => restarted = is);
  await w.settled(r);
  assert.deepEqual(w.letters().map(({ code }) => code), ["poison", "actor_halted"]);
  await w.until(() => restarted !== undefined);
  assert.equal(restarted, true, "once all before is stored");
  assert.equal(await sumOf(r, "a"), 21);
  await w.end();
});

Deno.test("Shard forgets a halt whose message was not committed, and comes to it again", async () => {
  const w = new ShardWorld();
  const r = w.start({ stage: halting(tallyStage) });
  w.faults.fail("commit", silent(false));
  await w.send(addEvent("a", 1), addEvent("a", 9, "poison"), addEvent("a", 50));
  await w.settled(r);
  assert.equal(r.retaken.length, 1);
  assert.deepEqual(w.letters().map(({ code }) => code), ["poison", "actor_halted"]);
  assert.equal(w.store.rows("player", 0).length, 1, "the first is applied, not parked");
  await w.end();
});

Deno.test("Shard.inspect() shows an actor that threw as degraded, until it is restarted", async () => {
  const w = new ShardWorld();
  const r = w.start({ stage: tallyStage });
  const poison = () => addEvent("a", 9, "poison");
  await w.send(addEvent("a", 1), poison(), poison(), addEvent("a", 1, "refused"), addEvent("b", 1));
  await w.settled(r);
  const degraded = async (user: string) => (await r.shard.inspect(`t/${user}`))!.degraded;
  assert.deepEqual([await degraded("a"), await degraded("b")], ["2 parked", undefined]);
  assert.equal(await restart(w, r, "t/a"), true);
  assert.deepEqual([await degraded("a"), await sumOf(r, "a")], [undefined, 1]);
  assert.equal(await restart(w, r, "t/nobody"), false);
  await w.end();
});

Deno.test("Shard.restartActor() keeps what was applied and not committed", async () => {
  const w = new ShardWorld();
  const r = w.start({ stage: tallyStage });
  await w.send(addEvent("a", 1));
  await w.settled(r);
  const release = w.faults.hold("commit");
  await w.send(addEvent("a", 10));
  await w.until(() => w.faults.count("commit") === 2);
  await w.send(addEvent("a", 100));
  await w.until(() => r.shard.report().appliedOffset === 3);
  assert.equal(await restart(w, r, "t/a"), true);
  assert.equal(await sumOf(r, "a"), 111);
  release();
  await w.send(addEvent("a", 1000));
  await w.settled(r);
  assert.equal(await sumOf(r, "a"), 1111);
  assert.equal(w.store.rows("player", 0).length, 4);
  await w.end();
});

Deno.test("Shard.passivateActor() snapshots an actor and lets it go once it is idle", async () => {
  const w = new ShardWorld();
  const r = w.start({ stage: tallyStage });
  await w.send(addEvent("a", 1), addEvent("b", 2));
  await w.settled(r);
  let gone: boolean | undefined;
  r.shard.passivateActor("t/a").then((is) => gone = is);
  await w.until(() => gone !== undefined, 1000);
  assert.deepEqual([gone, r.shard.report().actors], [true, 1]);
  const [stored] = await w.store.load("player", 0, ["t/a"]);
  assert.deepEqual([stored!.parts.length, stored!.journal.length], [1, 0]);
  assert.equal(await sumOf(r, "a"), 1, "and it comes back as it was");
  assert.equal(await r.shard.passivateActor("t/a"), true, "at once, as all of it is stored");
  assert.equal(await r.shard.passivateActor("t/a"), false, "it is not live");
  await w.end();
});

Deno.test("Shard.passivateActor() gives up on an actor that is never idle", async () => {
  const w = new ShardWorld();
  const r = w.start({ stage: tallyStage });
  await w.send(addEvent("a", 1));
  await w.settled(r);
  const release = w.faults.hold("commit");
  await w.send(addEvent("a", 1));
  await w.until(() => w.faults.count("commit") === 2);
  let gone: boolean | undefined;
  r.shard.passivateActor("t/a").then((is) => gone = is);
  await w.until(() => gone !== undefined, 2 * limits.askTimeoutMs);
  assert.equal(gone, false);
  release();
  await w.settled(r);
  assert.equal(await sumOf(r, "a"), 2);
  await w.end();
});
