import assert from "node:assert/strict";
import { partitionOf } from "../../../schema/partition.ts";
import type { PlayerProfile } from "../../../schema/queries/player_queries.ts";
import { topicTable } from "../../../schema/topics.ts";
import { MemoryLog } from "../../log/memory_log.ts";
import { rawEvent, ShardWorld } from "../../shard/testing/shard_world.ts";
import { identityOf, unmerge } from "./identities.ts";

const topics = topicTable();

type Ids = Pick<PlayerProfile, "mergedInto" | "aliases">;

/** Players that are told; who was asked, and what is in the log. */
function open(players: Readonly<Record<string, Ids>>) {
  const log = new MemoryLog({ topics, now: () => 0 });
  const asked: string[] = [];
  const profile = (id: string) => {
    asked.push(id);
    const ids = players[id];
    const found = ids === undefined ? null : { id: id.slice(id.indexOf("/") + 1), ...ids };
    return Promise.resolve(found as PlayerProfile | null);
  };
  const records = () =>
    log.storage["player.events.raw"].flatMap(({ records }, partition) =>
      records.map(({ key, value }) => ({ partition, key, value: JSON.parse(value) }))
    );
  const ports = { log, topics, profile, now: () => 5 };
  return { asked, records, undo: (id: string) => unmerge(ports, id, "call-1") };
}

Deno.test("unmerge() asks the player at the end of the way to give the alias back", async () => {
  const { undo, records, asked } = open({
    "st/a/1": { mergedInto: "b" },
    "st/b": { mergedInto: "c" },
    "st/c": { aliases: ["a/1", "b"] },
  });
  const partition = partitionOf("st/c", topics["player.events.raw"].partitions);
  const expected = { event_id: "call-1", topic: "player.events.raw", partition };
  assert.deepEqual(await undo("st/a/1"), { id: "st/a/1", player: "st/c", ...expected });
  assert.deepEqual(asked, ["st/a/1", "st/b", "st/c"]);
  const value = {
    studio: "st",
    event_id: "call-1",
    event_type: "$unmerge",
    user_id: "c",
    game_id: "",
    timestamp: 5,
    properties: { alias: "a/1" },
    context: {},
  };
  assert.deepEqual(records(), [{ partition, key: "st/c", value }]);
});

Deno.test("unmerge() knows nobody who was never seen, and refuses who is a player of his own", async () => {
  const { undo, records } = open({ "st/b": { aliases: ["a"] }, "st/c": {} });
  for (const id of ["st/nobody", "nobody", "", "/"]) assert.equal(await undo(id), null, id);
  await assert.rejects(undo("st/b"), { code: "not_merged", message: /one of his aliases: a$/ });
  await assert.rejects(undo("st/c"), { code: "not_merged", message: /of his own$/ });
  assert.deepEqual(records(), []);
});

Deno.test("unmerge() is unavailable while a link is made or taken back, and where the way has no end", async () => {
  const { undo, records, asked } = open({
    "st/a": { mergedInto: "b" },
    "st/b": {},
    "st/x": { mergedInto: "y" },
    "st/y": { mergedInto: "x" },
    "st/z": { mergedInto: "nobody" },
  });
  for (const id of ["st/a", "st/x", "st/z"]) {
    await assert.rejects(undo(id), { name: "Unavailable", code: "unavailable" }, id);
  }
  assert.deepEqual(records(), []);
  assert.equal(asked.filter((id) => id === "st/x" || id === "st/y").length, 18);
});

Deno.test("identityOf() names an alias' player, a player's aliases, and nothing of others", () => {
  const of = (ids: Ids) => identityOf(ids as PlayerProfile);
  assert.deepEqual(of({ mergedInto: "b" }), { merged_into: "b" });
  assert.deepEqual(of({ aliases: ["a"] }), { aliases: ["a"] });
  assert.deepEqual([of({}), identityOf(null)], [{}, {}]);
});

Deno.test("unmerge() gives an alias back what came under it, before the undo and after", async () => {
  const world = new ShardWorld();
  const running = world.start();
  const { log, topics, clock } = world;
  const profile = async (id: string) =>
    await world.profile(running, id.slice("demo/".length)) ?? null;
  const undo = () => unmerge({ log, topics, profile, now: () => clock.now() }, "demo/a", "call-1");
  /** What an id has counted, and how it is linked. */
  const seen = async (user: string) => {
    const { eventsTotal = 0 } = await world.profile(running, user) ?? {};
    return { eventsTotal, ...identityOf(await profile(`demo/${user}`)) };
  };
  const link = { event_type: "alias", properties: { previous_id: "a" } };
  await world.send(rawEvent({ user_id: "a" }), rawEvent({ user_id: "b", ...link }));
  await world.settled(running);
  await world.send(rawEvent({ user_id: "a" }));
  await world.settled(running);
  assert.deepEqual(await seen("b"), { eventsTotal: 3, aliases: ["a"] });
  assert.deepEqual(await seen("a"), { eventsTotal: 0, merged_into: "b" });
  assert.equal((await undo())?.player, "demo/b");
  await world.settled(running);
  await world.send(rawEvent({ user_id: "a" }));
  await world.settled(running);
  assert.deepEqual(await seen("b"), { eventsTotal: 1 });
  assert.deepEqual(await seen("a"), { eventsTotal: 3 });
  await assert.rejects(undo(), { code: "not_merged" });
  assert.deepEqual(world.letters(), []);
  await world.end();
});
