import assert from "node:assert/strict";
import { limits } from "../../schema/limits.ts";
import { away } from "./testing/faults.ts";
import { rawEvent, ShardWorld, wrapReceive } from "./testing/shard_world.ts";
import { addEvent, tallyGameStage, tallyProbe, tallyStage } from "./testing/tally.ts";
import { playerStage } from "./stages.ts";

/** The real player, but for events of type `poison`: they throw after having been applied. */
function poisonedPlayers() {
  let throws = 0;
  const stage = wrapReceive(playerStage(), (receive) => (state, message, ctx) => {
    const effects = receive(state, message, ctx);
    if (message.event_type !== "poison") return effects;
    throws++;
    throw new TypeError("cannot digest");
  });
  return { stage, throws: () => throws };
}

const poison = (fields = {}) => rawEvent({ event_type: "poison", ...fields });

Deno.test("Shard parks a poison event after one retry, with everything to study and replay it", async () => {
  const w = new ShardWorld();
  const { stage, throws } = poisonedPlayers();
  const r = w.start({ stage });
  const bad = poison({ event_id: "bad" });
  await w.send(rawEvent(), rawEvent(), bad, rawEvent(), rawEvent({ user_id: "bob" }));
  await w.settled(r);
  assert.equal(throws(), 2);
  const [letter, ...others] = w.letters();
  assert.deepEqual(others, []);
  const { actor, ...rest } = letter!;
  assert.deepEqual(rest, {
    studio: "demo",
    source: "player",
    code: "poison",
    message: "cannot digest",
    payload: JSON.stringify(bad),
    event: bad,
  });
  assert.deepEqual([actor!.id, actor!.position, actor!.version], ["demo/ann", "0:2", 2]);
  const [[, state]] = actor!.state as [[string, { games: [string, { events: number }][] }]];
  assert.equal(state.games[0]![1].events, 2, "the state before it");
  assert.equal((await w.profile(r))!.eventsTotal, 3);
  assert.equal((await w.profile(r, "bob"))!.eventsTotal, 1);
  assert.equal(w.store.rows("player", 0).length, 4, "the poison is not in the journal");
  assert.deepEqual(r.shard.report().parked, 1);
  await w.end();
});

Deno.test("Shard takes a poison event whose cause was mended, under the same id", async () => {
  const w = new ShardWorld();
  const first = w.start({ stage: poisonedPlayers().stage });
  await w.send(rawEvent(), poison({ event_id: "bad" }));
  await w.settled(first);
  await w.stop(first);
  const r = w.start();
  await w.send(w.letters()[0]!.event!);
  await w.settled(r);
  assert.equal((await w.profile(r))!.eventsTotal, 2);
  await w.end();
});

Deno.test("Shard keeps what an actor has applied and not committed when it is rebuilt", async () => {
  const w = new ShardWorld();
  const { stage } = poisonedPlayers();
  const r = w.start({ stage });
  await w.send(rawEvent(), rawEvent());
  await w.settled(r);
  const release = w.faults.hold("commit");
  await w.send(rawEvent(), rawEvent());
  await w.until(() => w.faults.count("commit") === 2);
  // Two committed, two being committed, one pending; then the poison.
  await w.send(rawEvent(), poison(), rawEvent());
  await w.until(() => r.shard.report().appliedOffset === 7);
  assert.equal((await w.profile(r))!.eventsTotal, 6);
  release();
  await w.settled(r);
  const { eventsTotal, sessionsTotal, stateHash } = (await w.profile(r))!;
  assert.deepEqual([eventsTotal, sessionsTotal], [6, 1]);
  await w.stop(r);
  const again = w.start();
  await w.until(() => again.shard.report().state === "running");
  assert.equal((await w.profile(again))!.stateHash, stateHash, "the journal says the same");
  await w.end();
});

Deno.test("Shard waits for the store to rebuild an actor, and goes on", async () => {
  const w = new ShardWorld();
  const { stage } = poisonedPlayers();
  const r = w.start({ stage });
  await w.send(rawEvent());
  await w.settled(r);
  w.faults.fail("load", away(), away(), away());
  await w.send(rawEvent(), poison(), rawEvent());
  await w.settled(r);
  assert.equal(r.end, undefined, "it still runs");
  assert.equal(r.waits.length, 3);
  assert.equal((await w.profile(r))!.eventsTotal, 3);
  assert.equal(w.letters().length, 1);
  await w.end();
});

Deno.test("Shard parks what its actor refuses at once, and the actor goes on", async () => {
  const w = new ShardWorld();
  const r = w.start();
  const games = limits.gamesPerPlayerMax;
  await w.send(...Array.from({ length: games }, (_, i) => rawEvent({ game_id: `g${i}` })));
  const refused = rawEvent({ game_id: "one more" });
  await w.send(refused, rawEvent({ game_id: "g0" }));
  await w.settled(r);
  const [letter] = w.letters();
  assert.deepEqual([letter!.code, letter!.event, letter!.actor!.state], [
    "too_many_games",
    refused,
    null,
  ]);
  assert.equal((await w.profile(r))!.eventsTotal, games + 1);
  await w.end();
});

Deno.test("Shard parks what is no event at all", async () => {
  const w = new ShardWorld();
  const r = w.start();
  await w.sendText("{", "null", "{}", "[]", '{"studio":"demo","user_id":"ann"}');
  await w.send(rawEvent());
  await w.settled(r);
  assert.deepEqual(w.letters().map((letter) => [letter.code, letter.payload]), [
    ["undecodable", "{"],
    ["undecodable", "null"],
    ["undecodable", "{}"],
    ["undecodable", "[]"],
    ["undecodable", '{"studio":"demo","user_id":"ann"}'],
  ]);
  assert.equal((await w.profile(r))!.eventsTotal, 1);
  await w.end();
});

Deno.test("Shard parks an event that the journal could not hold, as its commit would fail for ever", async () => {
  const w = new ShardWorld();
  const r = w.start();
  const parts = '{"studio":"demo","user_id":"ann","event_type":"x"}';
  const nul = JSON.stringify(rawEvent({ properties: { a: "\0" } }));
  await w.sendText(parts, nul);
  await w.send(rawEvent());
  await w.settled(r);
  assert.deepEqual(w.letters().map((letter) => [letter.code, letter.payload]), [
    ["undecodable", parts],
    ["undecodable", nul],
  ]);
  assert.equal((await w.profile(r))!.eventsTotal, 1);
  await w.end();
});

Deno.test("Shard applies 950 of 1,000 events when 50 are poison, each once", async () => {
  const w = new ShardWorld();
  const r = w.start({ stage: tallyStage });
  tallyProbe.received = 0;
  for (let i = 0; i < 1000; i += 100) {
    await w.send(...Array.from({ length: 100 }, (_, j) => {
      const user = `u${(i + j) % 7}`;
      return addEvent(user, 1, (i + j) % 20 === 3 ? "poison" : "add");
    }));
    await w.clock.advance(30);
  }
  await w.settled(r);
  const sums = await Promise.all(
    [0, 1, 2, 3, 4, 5, 6].map((i) => r.shard.ask(`t/u${i}`, "sum", 0) as Promise<number>),
  );
  assert.equal(sums.reduce((a, b) => a + b), 950);
  assert.equal(w.letters().length, 50);
  assert.equal(w.store.rows("player", 0).length, 950);
  await w.end();
});

Deno.test("Shard seals nothing while a record is half applied", async () => {
  const w = new ShardWorld();
  const r = w.startGame({ stage: tallyGameStage });
  const record = (end: number, games: Record<string, object>) => ({
    partition: 0,
    key: "player/0",
    value: JSON.stringify({
      source: "player/0",
      position: [end, 0],
      at: 5,
      games: Object.fromEntries(
        Object.entries(games).map(([id, totals]) => [`t/${id}`, { totals, days: {}, scores: {} }]),
      ),
    }),
  });
  const first = { a: { ccu: 1 }, bad: { ccu: 1 }, c: { ccu: 1 } };
  await w.log.append("game.deltas", [record(1, first)]);
  await w.settled(r);
  // All three are live: the only load to come is that of the broken one.
  w.faults.hold("load");
  const second = { a: { ccu: 10 }, bad: { poison: 1 }, c: { ccu: 30 } };
  await w.log.append("game.deltas", [record(2, second)]);
  await w.until(() => w.faults.calls.at(-1) === "load");
  await w.clock.advance(10 * limits.gameCommitIntervalMs);
  assert.equal(r.commits.length, 1, "though `a` is applied and the delay is long over");
  r.kill.abort();
  w.faults.release("load");
  await w.until(() => r.end !== undefined);
  assert.equal(w.faults.count("commit"), 1);

  const next = w.startGame({ stage: tallyGameStage });
  await w.settled(next);
  const sums = await Promise.all(
    ["a", "bad", "c"].map((id) => next.shard.ask(`t/${id}`, "sum", 0)),
  );
  assert.deepEqual(sums, [11, 1, 31]);
  await w.end();
});

Deno.test("Shard commits poison bundles before they grow without end", async () => {
  const w = new ShardWorld();
  const body = JSON.stringify("x".repeat(limits.deadLetterStateCharsMax - 100));
  const behaviour = { ...tallyStage.behaviour, describe: () => [{ part: "", body }] };
  const r = w.start({ stage: { ...tallyStage, behaviour, commitDelayMs: 3_600_000 } });
  const bundles = Array.from({ length: 60 }, () => addEvent("a", 1, "poison"));
  const release = w.faults.hold("commit");
  await w.send(...bundles);
  await w.until(() => w.faults.count("commit") === 1);
  await w.clock.advance(1000);
  const { mailbox } = r.shard.report();
  assert.ok(mailbox < bundles.length, `${mailbox}`);
  release();
  await w.end();
  assert.equal(w.letters().length, bundles.length);
});
