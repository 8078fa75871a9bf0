import assert from "node:assert/strict";
import { limits } from "../../schema/limits.ts";
import type { GameDeltaRecord } from "../../actors/game/game_deltas.ts";
import { away } from "./testing/faults.ts";
import { rawEvent, ShardWorld, wrapReceive } from "./testing/shard_world.ts";
import { addEvent, tallyBytes, tallyStage } from "./testing/tally.ts";

const minute = 60_000;
const silence = limits.sessionSilenceMs;

const eventsOf = (count: number, user = "ann") =>
  Array.from({ length: count }, () => rawEvent({ user_id: user }));

Deno.test("Shard applies, commits and publishes what comes", async () => {
  const w = new ShardWorld();
  const r = w.start();
  await w.send(...eventsOf(3), ...eventsOf(2, "bob"));
  await w.settled(r);
  const rows = w.store.rows("player", 0);
  assert.deepEqual(rows.map((row) => row.actorId), [
    "demo/ann",
    "demo/ann",
    "demo/ann",
    "demo/bob",
    "demo/bob",
  ]);
  assert.deepEqual(
    rows.map((row) => row.value),
    w.records("player.events.raw").map((record) => record.value),
    "the journal holds the record's own text",
  );
  const [published] = w.records("game.deltas");
  const { source, position, games } = JSON.parse(published!.value) as GameDeltaRecord;
  assert.deepEqual([source, position], ["player/0", [5, 0]]);
  assert.equal(games["demo/g"]!.days[0]!["events"], 5);
  assert.equal((await w.profile(r))!.eventsTotal, 3);
  await w.end();
  assert.equal(r.end, "returned");
});

Deno.test("Shard makes one commit of what comes within its commit delay", async () => {
  const w = new ShardWorld();
  const r = w.start();
  for (let i = 0; i < 5; i++) {
    await w.send(rawEvent());
    await w.clock.advance(15);
  }
  await w.settled(r);
  assert.deepEqual(r.commits.map((c) => [c.oldOffset, c.newOffset]), [[0, 5]]);
  await w.send(rawEvent());
  const sentAt = w.clock.now();
  await w.settled(r);
  assert.ok(w.clock.now() - sentAt <= limits.commitDelayMsMin + limits.fetchPauseMs + 10);
  await w.end();
});

Deno.test("Shard applies the next batch while one is being committed", async () => {
  const w = new ShardWorld();
  const release = w.faults.hold("commit");
  const r = w.start();
  await w.send(...eventsOf(3));
  await w.until(() => w.faults.count("commit") === 1);
  await w.send(...eventsOf(2));
  await w.until(() => r.shard.report().appliedOffset === 5);
  assert.equal((await w.profile(r))!.eventsTotal, 5, "queries read what is applied");
  assert.deepEqual([r.shard.report().nextOffset, r.shard.report().mailbox], [0, 5]);
  release();
  await w.settled(r);
  assert.deepEqual(r.commits.map((c) => c.rows.length), [3, 2]);
  await w.end();
});

Deno.test("Shard stops reading at its ceiling until a commit has taken the batch", async () => {
  const w = new ShardWorld();
  const release = w.faults.hold("commit");
  const r = w.start({ stage: { ...tallyStage, commitDelayMs: 10 } });
  const wave = () => w.send(...Array.from({ length: 3000 }, () => addEvent("a", 1)));
  await wave();
  await w.until(() => w.faults.count("commit") === 1);
  for (let i = 0; i < 8; i++) await wave();
  await w.clock.advance(5_000);
  const { mailbox, appliedOffset } = r.shard.report();
  assert.ok(mailbox >= limits.commitRowsMax && mailbox < 2 * limits.commitRowsMax + 10_000);
  const fetches = w.faults.count("fetch");
  await w.clock.advance(5_000);
  assert.equal(r.shard.report().appliedOffset, appliedOffset, "it waits");
  assert.equal(w.faults.count("fetch"), fetches);
  release();
  await w.settled(r);
  assert.equal(w.store.rows("player", 0).length, 27_000);
  await w.end();
});

Deno.test("Shard commits a full batch without waiting for its delay", async () => {
  const w = new ShardWorld();
  const r = w.start({ stage: { ...tallyStage, commitDelayMs: 3_600_000 } });
  const events = Array.from({ length: 2 * limits.commitRowsMax }, () => addEvent("a", 1));
  await w.send(...events);
  await w.until(() => r.shard.report().nextOffset >= limits.commitRowsMax, 2_000);
  await w.end();
  assert.equal(w.store.rows("player", 0).length, events.length, "stopping commits the rest");
});

Deno.test("Shard.run() commits and publishes everything applied when it is stopped", async () => {
  const w = new ShardWorld();
  const r = w.start({ stage: { ...tallyStage, commitDelayMs: 3_600_000 } });
  await w.send(addEvent("a", 1), addEvent("a", 1));
  await w.until(() => r.shard.report().appliedOffset === 2);
  assert.equal(w.store.rows("player", 0).length, 0);
  w.faults.fail("append", away("log"), away("log"));
  await w.stop(r);
  assert.equal(r.end, "returned");
  assert.equal(w.store.rows("player", 0).length, 2);
  assert.equal(w.records("game.deltas").length, 1);
  assert.equal(r.shard.report().state, "stopped");
});

Deno.test("Shard.run() gives up at once when it is killed, and returns", async () => {
  const w = new ShardWorld();
  const r = w.start({ stage: { ...tallyStage, commitDelayMs: 3_600_000 } });
  await w.send(addEvent("a", 1));
  await w.until(() => r.shard.report().appliedOffset === 1);
  await w.end("kill");
  assert.deepEqual([r.end, w.faults.count("commit")], ["returned", 0]);
});

Deno.test("Shard.run() ends when it is stopped or killed before it owns anything", async () => {
  for (const how of ["stop", "kill"] as const) {
    const w = new ShardWorld();
    w.faults.fail("takeShard", ...Array.from({ length: 100 }, () => away()));
    const r = w.start();
    await w.clock.advance(500);
    assert.equal(r.shard.report().state, "starting");
    await w.end(how);
    assert.equal(r.end, "returned");
  }
});

Deno.test("Shard goes on where the last owner's commits end", async () => {
  const w = new ShardWorld();
  const first = w.start();
  await w.send(rawEvent({ event_id: "x" }), ...eventsOf(4));
  await w.settled(first);
  await w.stop(first);
  await w.send(rawEvent({ event_id: "x" }), rawEvent());
  const second = w.start();
  await w.settled(second);
  assert.equal(second.commits[0]!.oldOffset, 5);
  const { eventsTotal, sessionsTotal } = (await w.profile(second))!;
  assert.deepEqual([eventsTotal, sessionsTotal], [6, 1], "x was known, the session went on");
  assert.deepEqual([second.shard.report().epoch, second.shard.report().ignored], [2, 1]);
  await w.end();
});

Deno.test("Shard.pause() holds back everything not applied yet, until resume()", async () => {
  const w = new ShardWorld();
  const r = w.start();
  await w.send(...eventsOf(2));
  await w.settled(r);
  r.shard.pause();
  assert.equal(r.shard.report().state, "paused");
  await w.send(...eventsOf(3));
  await w.clock.advance(10_000);
  assert.equal(r.shard.report().appliedOffset, 2);
  assert.equal((await w.profile(r))!.eventsTotal, 2, "it still answers");
  r.shard.resume();
  await w.settled(r);
  assert.deepEqual([r.shard.report().state, r.shard.report().nextOffset], ["running", 5]);
  await w.end();
});

Deno.test("Shard that is paused can be stopped, and leaves what it held back", async () => {
  const w = new ShardWorld();
  const r = w.start();
  await w.until(() => r.shard.report().state === "running");
  r.shard.pause();
  await w.send(...eventsOf(3));
  await w.clock.advance(100);
  await w.end();
  assert.deepEqual([r.end, w.store.rows("player", 0).length], ["returned", 0]);
});

Deno.test("Shard is waiting while a resource is away, and running again as soon as it is back", async () => {
  const w = new ShardWorld();
  const r = w.start();
  await w.send(rawEvent());
  await w.settled(r);
  w.faults.fail("commit", away(), away(), away());
  await w.send(rawEvent());
  await w.until(() => r.shard.report().state === "waiting");
  await w.settled(r);
  assert.equal(r.shard.report().state, "running", "though nothing new comes");
  assert.equal(r.waits.length, 3);
  await w.end();
});

Deno.test("Shard fires a session's timer once, without its player being live", async () => {
  const w = new ShardWorld();
  const first = w.start();
  await w.send(rawEvent());
  await w.settled(first);
  await w.stop(first);
  const r = w.start();
  await w.until(() => r.shard.report().state === "running");
  await w.clock.advance(silence - 1000);
  // Committed records leave the log.
  const fired = () =>
    w.log.storage["player.events.raw"][0]!.start +
    w.records("player.events.raw").length - 1;
  assert.equal(fired(), 0);
  await w.clock.advance(2000);
  await w.settled(r);
  const timer = JSON.parse(w.store.rows("player", 0)[1]!.value);
  assert.deepEqual(timer.properties, { name: "session", due_at: silence });
  await w.clock.advance(10 * minute);
  assert.equal(fired(), 1);
  assert.equal((await w.profile(r))!.currentSession, null);
  const open = r.commits.flatMap((c) => c.outbox)
    .map((o) => (JSON.parse(o.value) as GameDeltaRecord).games["demo/g"]?.totals["ccu"] ?? 0);
  assert.deepEqual(open.filter((n) => n !== 0), [-1]);
  assert.deepEqual(await w.store.dueTimers("player", 0, Infinity, 10), []);
  await w.end();
});

Deno.test("Shard ignores a timer that its player has moved on from", async () => {
  const w = new ShardWorld();
  const r = w.start();
  await w.send(rawEvent());
  await w.settled(r);
  const stale = { event_type: "$timer", event_id: "session@1", game_id: "" };
  await w.send(rawEvent({ ...stale, properties: { name: "session", due_at: 1 } }));
  await w.settled(r);
  assert.equal(r.shard.report().ignored, 1);
  assert.equal((await w.profile(r))!.version, "0:0");
  assert.equal(w.store.rows("player", 0).length, 1, "it leaves no row");
  await w.end();
});

Deno.test("Shard keeps its actors within the byte budget, and loads them again as they were", async () => {
  const w = new ShardWorld();
  const size = tallyBytes + 300;
  const r = w.start({ stage: tallyStage, actorBytesMax: 10 * size });
  const users = Array.from({ length: 60 }, (_, i) => `u${i}`);
  for (let round = 1; round <= 5; round++) {
    for (let i = 0; i < users.length; i += 6) {
      await w.send(...users.slice(i, i + 6).map((user) => addEvent(user, round)));
      await w.settled(r);
    }
    // Those behind are snapshotted with the commit after next.
    await w.until(() => r.shard.report().actorBytes <= 10 * size);
  }
  const { passivated, loaded, actors } = r.shard.report();
  assert.ok(
    passivated >= 250 && loaded >= 200 && actors <= 10,
    `${passivated} ${loaded} ${actors}`,
  );
  for (const user of users) {
    assert.equal(await r.shard.ask(`t/${user}`, "sum", 0), 15, user);
  }
  await w.end();
});

Deno.test("Shard keeps to the byte budget when it is only asked", async () => {
  const w = new ShardWorld();
  const size = tallyBytes + 300;
  const users = Array.from({ length: 50 }, (_, i) => `u${i}`);
  const first = w.start({ stage: tallyStage });
  await w.send(...users.map((user) => addEvent(user, 1)));
  await w.settled(first);
  await w.stop(first);
  const r = w.start({ stage: tallyStage, actorBytesMax: 5 * size });
  // What the first owner left behind is snapshotted, many at a time.
  await w.clock.advance(10_000);
  for (const user of users) {
    assert.equal(await r.shard.ask(`t/${user}`, "sum", 0), 1);
    assert.ok(r.shard.report().actorBytes <= 5 * size, `${r.shard.report().actorBytes}`);
  }
  await w.end();
});

Deno.test("Shard waits for commits while its live actors are far over the byte budget", async () => {
  const w = new ShardWorld();
  const size = tallyBytes + 300;
  const release = w.faults.hold("commit");
  const r = w.start({ stage: { ...tallyStage, commitDelayMs: 10 }, actorBytesMax: 100 * size });
  for (let wave = 0; wave < 40; wave++) {
    await w.send(...Array.from({ length: 20 }, (_, i) => addEvent(`u${wave * 20 + i}`, 1)));
    await w.clock.advance(50);
  }
  assert.ok(r.shard.report().actors < 180, `${r.shard.report().actors}`);
  release();
  await w.settled(r);
  assert.equal(w.store.rows("player", 0).length, 800);
  await w.end();
});

Deno.test("Shard never passivates who has messages that are not committed", async () => {
  const w = new ShardWorld();
  const r = w.start({ stage: tallyStage, actorBytesMax: 1 });
  await w.send(addEvent("a", 1));
  await w.settled(r);
  const release = w.faults.hold("commit");
  await w.send(addEvent("a", 10), addEvent("b", 5));
  await w.until(() => w.faults.count("commit") >= 2);
  await w.send(addEvent("a", 100));
  await w.clock.advance(1000);
  // The store knows of 1 at most: a passivated actor would come back with that.
  for (let i = 0; i < 20; i++) {
    const sum = await r.shard.ask("t/a", "sum", 0) as number;
    assert.ok(sum >= 11, `${sum}`);
    assert.equal(await r.shard.ask("t/b", "sum", 0), 5);
    await w.clock.advance(100);
  }
  release();
  await w.settled(r);
  assert.equal(await r.shard.ask("t/a", "sum", 0), 111);
  await w.end();
});

Deno.test("Shard snapshots an actor that is 1,000 rows behind with the commit", async () => {
  const w = new ShardWorld();
  const r = w.start({ stage: tallyStage });
  const rows = limits.snapshotRowsBehindMax;
  await w.send(...Array.from({ length: rows - 1 }, () => addEvent("a", 1)));
  await w.settled(r);
  assert.deepEqual(r.commits.flatMap((c) => c.snapshots), []);
  await w.send(addEvent("a", 1));
  await w.settled(r);
  const [part] = r.commits.flatMap((c) => c.snapshots);
  assert.deepEqual([part!.offset, JSON.parse(part!.body).sum], [rows - 1, rows]);
  await w.end();
});

Deno.test("Shard feeds the games, and every delta counts once through a restart of both", async () => {
  const w = new ShardWorld();
  const [players, games] = [w.start(), w.startGame()];
  await w.send(...eventsOf(3), ...eventsOf(1, "bob"));
  await w.settled(players, games);
  const totals = (await w.totals(games))!;
  assert.deepEqual([totals.eventsTotal, totals.ccu, totals.today.dau], [4, 2, 2]);
  await w.end("kill");
  // The player shard's cursor was not stored: its last deltas are published again.
  const [players2, games2] = [w.start(), w.startGame()];
  await w.send(...eventsOf(2));
  await w.settled(players2, games2);
  assert.ok(w.records("game.deltas").length > 2, "some of it came twice");
  const after = (await w.totals(games2))!;
  assert.deepEqual([after.eventsTotal, after.ccu, after.today.dau], [6, 2, 2]);
  await w.end();
});

Deno.test("Shard lets the log drop what is committed, and nothing else", async () => {
  const w = new ShardWorld();
  const r = w.start();
  await w.clock.advance(20_000);
  await w.send(...eventsOf(3));
  await w.settled(r);
  const release = w.faults.hold("commit");
  await w.send(...eventsOf(2));
  await w.clock.advance(60_000);
  const [partition] = w.log.storage["player.events.raw"];
  assert.deepEqual([partition!.start, partition!.records.length], [3, 2]);
  release();
  await w.settled(r);
  await w.end();
});

Deno.test("Shard gives way to others in the middle of a long batch", async () => {
  let elapsed = 0;
  const slow = wrapReceive(tallyStage, (receive) => (...input) => {
    elapsed++;
    return receive(...input);
  });
  const w = new ShardWorld();
  const now = w.clock.now.bind(w.clock);
  // Each message takes a millisecond of the shard's time.
  w.clock.now = () => now() + elapsed;
  const r = w.start({ stage: slow });
  const turns = new Set<number>();
  const sleep = w.clock.sleep.bind(w.clock);
  w.clock.sleep = async (ms, signal) => {
    await sleep(ms, signal);
    if (ms === 0) turns.add(elapsed);
  };
  await w.send(...Array.from({ length: 200 }, () => addEvent("a", 1)));
  await w.settled(r);
  assert.deepEqual([...turns], [32, 64, 96, 128, 160, 192, 200]);
  await w.end();
});
