import assert from "node:assert/strict";
import type { GameDeltaRecord } from "../../actors/game/game_deltas.ts";
import { rawEvent, ShardWorld } from "./testing/shard_world.ts";

/** What a game costs when so many players of it send two events each, all at once. */
async function costOf(players: number) {
  const w = new ShardWorld();
  const player = w.start();
  const game = w.startGame();
  for (let round = 0; round < 2; round++) {
    const events = Array.from({ length: players }, (_, i) => rawEvent({ user_id: `u${i}` }));
    await w.send(...events);
    await w.settled(player);
  }
  await w.settled(player, game);
  const told = w.records("game.deltas").map(({ value }) => JSON.parse(value) as GameDeltaRecord);
  const { eventsTotal: events } = (await w.totals(game))!;
  const cost = {
    commits: player.commits.filter(({ rows }) => rows.length > 0).length,
    records: told.length,
    chars: Math.max(...w.records("game.deltas").map(({ value }) => value.length)),
    applied: game.shard.report().applied,
  };
  await w.end();
  return { events, cost };
}

Deno.test("A hot game costs its shard no more than a cold one: one folded record a batch", async () => {
  const [cold, hot] = [await costOf(2), await costOf(900)];
  assert.deepEqual([cold.events, hot.events], [4, 1800], "each event counts");
  for (const { cost } of [cold, hot]) {
    assert.equal(cost.records, cost.commits, "a record a batch");
    assert.equal(cost.applied, cost.records, "a message a record");
  }
  assert.equal(hot.cost.records, cold.cost.records);
  // The same metrics of the same day; only the numbers are longer.
  assert.ok(hot.cost.chars < cold.cost.chars * 1.2, `${hot.cost.chars} and ${cold.cost.chars}`);
});
