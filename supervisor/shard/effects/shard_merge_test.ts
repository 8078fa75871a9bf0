import assert from "node:assert/strict";
import type { PlayerEvent } from "../../../schema/event.ts";
import { internalType } from "../../../schema/event.ts";
import { limits } from "../../../schema/limits.ts";
import { playerStage } from "../stages.ts";
import { rawEvent, type Running, ShardWorld, wrapReceive } from "../testing/shard_world.ts";

const of = (user_id: string, fields: Partial<PlayerEvent> = {}) => rawEvent({ user_id, ...fields });
const link = (user_id: string, previous_id: string) => (
  of(user_id, { event_type: "alias", properties: { previous_id } })
);
const unmerge = (user_id: string, alias: string) => (
  of(user_id, { game_id: "", event_type: internalType.unmerge, properties: { alias } })
);
const rows = (w: ShardWorld) =>
  w.store.aliases().map(({ aliasId, userId }) => `${aliasId}=${userId}`).sort();

/** Ann and an id that she had before, merged. */
async function merged(w: ShardWorld): Promise<[Running, Running]> {
  const running = [w.start(), w.startGame()] as const;
  await w.send(of("anon"), of("ann"), link("ann", "anon"));
  await w.settled(...running);
  return [...running];
}

/** The player stage whose `receive` throws at events of a type while `isBroken()`. */
function throwsAt(type: string, isBroken: () => boolean) {
  return wrapReceive(playerStage(), (receive) => (state, event: PlayerEvent, ctx) => {
    if (event.event_type === type && isBroken()) throw new TypeError("told to");
    return receive(state, event, ctx);
  });
}

Deno.test("a merge goes through the log, and its row moves with the commit that takes the alias over", async () => {
  const w = new ShardWorld();
  const [players, games] = await merged(w);
  assert.deepEqual(rows(w), ["anon=ann"]);
  assert.equal((await w.profile(players))!.eventsTotal, 3);
  assert.equal((await w.profile(players, "anon"))!.mergedInto, "ann");
  assert.equal((await w.totals(games))!.today.dau, 1);
  const absorbed = players.commits.find(({ aliases }) => aliases !== undefined)!;
  assert.deepEqual(absorbed.rows.map(({ value }) => JSON.parse(value).event_type), ["$absorb"]);
  const types = w.records("player.events.raw").map(({ value }) => JSON.parse(value).event_type);
  assert.deepEqual(types.filter((type) => type.startsWith("$")), ["$merge", "$absorb"]);
  await w.send(unmerge("ann", "anon"));
  await w.settled(players, games);
  assert.deepEqual([rows(w), (await w.totals(games))!.today.dau], [[], 2]);
  await w.end();
});

Deno.test("what a player sends has an id made of its position, and counts once though it is published again", async () => {
  const w = new ShardWorld();
  const [players, games] = await merged(w);
  await w.send(of("anon", { event_id: "x" }));
  await w.settled(players, games);
  const sent = w.records("player.events.raw").filter(({ value }) => value.includes('"source"'));
  const ids = sent.map(({ value }) => JSON.parse(value).event_id);
  assert.deepEqual(ids, ["player/0:2:0", "player/0:3:0", "player/0:5:0"]);
  const rowsBefore = w.store.rows("player", 0).length;
  await w.log.append(
    "player.events.raw",
    sent.map(({ key, value }) => ({ partition: 0, key, value })),
  );
  await w.settled(players, games);
  assert.equal(w.store.rows("player", 0).length, rowsBefore);
  assert.equal((await w.profile(players))!.eventsTotal, 4);
  await w.end();
});

Deno.test("merged players come back from the journal as they were, and from snapshots", async () => {
  const w = new ShardWorld();
  const [first] = await merged(w);
  await w.send(of("anon"), of("anon"));
  await w.settled(first);
  const hashes = async (r: Running) => [
    (await w.profile(r))!.stateHash,
    (await w.profile(r, "anon"))!.stateHash,
  ];
  const before = await hashes(first);
  await w.end("kill");
  const second = w.start();
  await w.settled(second);
  assert.deepEqual(await hashes(second), before);
  await w.stop(second);
  const third = w.start();
  await w.settled(third);
  assert.deepEqual(await hashes(third), before);
  await w.send(of("anon"));
  await w.settled(third);
  assert.equal((await w.profile(third))!.eventsTotal, 6);
  await w.end();
});

Deno.test("a player whose code throws at a merge is refused, and the throw can be studied", async () => {
  const w = new ShardWorld();
  const stage = throwsAt(internalType.merge, () => true);
  const r = w.start({ stage });
  await w.send(of("anon"), link("ann", "anon"));
  await w.settled(r);
  assert.deepEqual(rows(w), []);
  const codes = w.letters().map(({ code, event }) => [code, event?.event_type]);
  assert.deepEqual(codes.sort(), [["merge_failed", undefined], ["poison", undefined]]);
  assert.deepEqual(r.commits.flatMap(({ refusals = [] }) => refusals), ["merge_failed"]);
  assert.equal((await w.profile(r, "anon"))!.eventsTotal, 1);
  await w.end();
});

Deno.test("what a player cannot take over goes back whole, and nothing waits", async () => {
  const w = new ShardWorld();
  const stage = throwsAt(internalType.absorb, () => true);
  const [r, games] = [w.start({ stage }), w.startGame()];
  await w.send(of("anon"), of("ann"), link("ann", "anon"), of("anon"));
  await w.settled(r, games);
  assert.equal((await w.profile(r, "anon"))!.eventsTotal, 2);
  assert.equal((await w.profile(r, "anon"))!.mergedInto, undefined);
  assert.equal((await w.totals(games))!.today.dau, 2);
  assert.deepEqual(rows(w), []);
  const { parts } = (await r.shard.inspect("demo/ann"))!;
  assert.ok(!parts[0]!.body.includes('"asks"'), parts[0]!.body);
  await w.end();
});

Deno.test("an event for a player who stands still is parked whole, and counts once sent again", async () => {
  const w = new ShardWorld();
  let broken = false;
  const halting = throwsAt("level.start", () => broken);
  const behaviour = { ...halting.behaviour, onPoison: "halt" as const };
  const stage = { ...halting, behaviour };
  const r = w.start({ stage });
  await w.send(of("anon"), of("ann"), link("ann", "anon"));
  await w.settled(r);
  broken = true;
  await w.send(of("ann"));
  await w.settled(r);
  broken = false;
  await w.send(of("anon", { event_id: "meanwhile" }), link("bob", "ann"));
  await w.settled(r);
  const parked = w.letters().filter(({ event }) => event?.event_type === internalType.forward);
  assert.equal(parked.length, 1);
  assert.ok(w.letters().some(({ code }) => code === "merge_halted"), "bob is told at once");
  let restarted = false;
  r.shard.restartActor("demo/ann").then(() => restarted = true);
  await w.until(() => restarted);
  await w.send(parked[0]!.event!, parked[0]!.event!);
  await w.settled(r);
  assert.equal((await w.profile(r))!.eventsTotal, 4);
  await w.end();
});

Deno.test("what waits for an event that is parked counts after a minute, by a timer", async () => {
  const w = new ShardWorld();
  const throwing = throwsAt(internalType.absorb, () => true);
  const behaviour = { ...throwing.behaviour, onPoison: "halt" as const };
  const r = w.start({ stage: { ...throwing, behaviour } });
  const types = () =>
    w.records("player.events.raw").map(({ value }) => JSON.parse(value).event_type);
  await w.send(of("anon"), link("ann", "anon"));
  await w.until(() => types().includes(internalType.merge));
  // It comes to an alias, whose player stands still when it is passed on.
  await w.send(of("anon", { event_id: "parked" }));
  await w.settled(r);
  const parked = w.letters().filter(({ event }) => event?.event_type === internalType.forward);
  assert.equal(parked.length, 1);
  await w.send(of("anon", { event_id: "waits" }));
  await w.settled(r);
  const events = async () => (await w.profile(r, "anon"))!.eventsTotal;
  assert.equal(await events(), 1);
  await w.clock.advance(limits.forwardHeldMsMax + 2_000);
  await w.settled(r);
  assert.equal(await events(), 2);
  await w.end();
});
