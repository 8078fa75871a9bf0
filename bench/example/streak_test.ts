import assert from "node:assert/strict";
import fc from "fast-check";
import { assertBehaviourLaws } from "../../actors/testing/behaviour_laws.ts";
import { Probe } from "../../actors/testing/probe.ts";
import { DAY_MS } from "../../schema/limits.ts";
import { playerStage } from "../../supervisor/shard/stages.ts";
import { rawEvent, ShardWorld } from "../../supervisor/shard/testing/shard_world.ts";
import { streak } from "./streak.ts";

const play = (day: number) => rawEvent({ timestamp: day * DAY_MS });
const aDay = fc.record({ day: fc.nat(20), gapMs: fc.nat(2 * DAY_MS) });

Deno.test("streak keeps the laws of a behaviour", () => {
  const messages = fc.array(aDay.map(({ day, gapMs }) => ({ message: play(day), gapMs })));
  assertBehaviourLaws(streak, { messages, queries: fc.constant("streak"), now: 0 });
});

Deno.test("streak grows day by day, and ends a day after none came", () => {
  const ann = new Probe(streak, { now: 0 });
  for (const day of [0, 1, 1, 2]) {
    ann.now = day * DAY_MS;
    ann.send(play(day));
    ann.restore();
  }
  assert.deepEqual([ann.ask("streak"), ann.sum("streaks")], [{ days: 3, best: 3 }, 1]);
  ann.advance(2 * DAY_MS);
  assert.deepEqual([ann.ask("streak"), ann.sum("streaks")], [{ days: 0, best: 3 }, 0]);
});

Deno.test("streak outlives its shard, and its timer comes through the log", async () => {
  const world = new ShardWorld();
  const stage = playerStage(streak);
  const first = world.start({ stage });
  const ask = ({ shard }: typeof first) => shard.ask("demo/ann", "streak", world.clock.now());
  await world.send(play(0), play(1), play(1));
  await world.settled(first);
  assert.deepEqual(await ask(first), { days: 2, best: 2 });
  await world.end("kill");
  await world.clock.advance(3 * DAY_MS);
  const second = world.start({ stage });
  await world.until(() => world.records("player.events.raw").length === 4);
  await world.settled(second);
  assert.deepEqual(await ask(second), { days: 0, best: 2 });
  // What was published before the kill is published again; its position makes it count once.
  const deltas = world.records("game.deltas").map((record) => JSON.parse(record.value));
  const told = new Map(deltas.map(({ position, games }) => [position[0], games["demo/g"].totals]));
  assert.deepEqual([...told.values()], [{ streaks: 1 }, { streaks: -1 }]);
  await world.end();
});
