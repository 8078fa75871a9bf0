import assert from "node:assert/strict";
import type { Behaviour } from "../../actors/kernel/behaviour.ts";
import { limits } from "../../schema/limits.ts";
import { partitionOf } from "../../schema/partition.ts";
import { playerStage } from "../shard/stages.ts";
import { commitBatch, journalRow } from "../store/contract/fixtures.ts";
import { CostLedger } from "./cost_ledger.ts";
import { findHot, HotActors } from "./hot_actors.ts";
import { createLogger } from "./logger.ts";
import { MetricsAccumulator } from "./metrics_sink.ts";

const shards = 4;
/** So many ids of a shard. */
const idsOf = (partition: number, count: number) =>
  Array.from({ length: 10_000 }, (_, i) => `demo/u${i}`)
    .filter((id) => partitionOf(id, shards) === partition).slice(0, count);

function open() {
  const time = { now: 0 };
  const ledger = () => new CostLedger({ now: () => time.now, random: () => 0.5 });
  const costs = { player: ledger(), game: ledger() };
  /** Commits one row of each id to its shard. */
  const commit = (partition: number, ids: readonly string[]) => {
    const rows = ids.map((id, i) => journalRow(id, i));
    costs.player.committed(
      commitBatch({ partition, epoch: 1, oldOffset: 0, newOffset: rows.length, rows }),
    );
  };
  return { time, costs, commit };
}

Deno.test("findHot() finds who takes much of its own shard, and of enough", () => {
  const { time, costs, commit } = open();
  const [busy, quiet] = [idsOf(0, 100), idsOf(1, 2)];
  const [hot, ...others] = busy;
  const seconds = 60;
  // 100 events a second of one of many; a shard with few events has nobody hot.
  for (let s = 0; s < seconds; s++) {
    commit(0, [...Array.from({ length: 100 }, () => hot!), ...others]);
    commit(1, quiet);
  }
  time.now = seconds * 1000;
  const found = findHot(costs.player, shards, time.now);
  assert.deepEqual(found.map(({ id, partition }) => [id, partition]), [[hot, 0]]);
  const { eventsShare } = found[0]!;
  assert.ok(Math.abs(eventsShare - 100 / 199) < 0.05, `${eventsShare}`);
});

Deno.test("findHot() says nothing of a short time, nor when all take their share", () => {
  const { time, costs, commit } = open();
  const [hot, ...others] = idsOf(0, 200);
  for (let s = 0; s < 20; s++) commit(0, Array.from({ length: 100 }, () => hot!));
  time.now = limits.hotActorMsMin - 1;
  assert.deepEqual(findHot(costs.player, shards, time.now), []);
  for (let s = 0; s < 200; s++) commit(0, others);
  time.now = limits.hotActorMsMin;
  assert.deepEqual(findHot(costs.player, shards, time.now), [], "5 % of 42,000");
});

Deno.test("findHot() finds who takes much processor time with few events", () => {
  const { time, costs } = open();
  const [slow, ...others] = idsOf(2, 30);
  const receive = (_: unknown, ms: number) => {
    const end = performance.now() + ms;
    while (performance.now() < end);
    return [];
  };
  const behaviour = { ...playerStage().behaviour, durability: "snapshot", receive };
  const timed = costs.game.timed(playerStage(behaviour as Behaviour<unknown, unknown>)).behaviour;
  const send = (actorId: string, ms: number) =>
    timed.receive({}, ms, { actorId, now: 0, partition: 2, offset: 0 });
  // 2 % of a core over the shortest time that counts.
  const busyMs = limits.hotActorMsMin * limits.hotActorCorePercentMin / 100;
  for (let i = 0; i < 10; i++) send(slow!, busyMs / 9);
  for (const id of others) send(id, 0);
  time.now = limits.hotActorMsMin;
  const found = findHot(costs.game, shards, time.now);
  assert.deepEqual(found.map(({ id }) => id), [slow]);
  assert.ok(found[0]!.cpuShare > 0.5 && found[0]!.eventsShare < 0.5);
});

Deno.test("HotActors.look() counts by shard, tells of each now and then, and forgets the cold", () => {
  const { time, costs, commit } = open();
  const lines: Record<string, unknown>[] = [];
  const sink = new MetricsAccumulator();
  const log = createLogger({ write: (l) => lines.push(JSON.parse(l)), level: () => "info" });
  const options = { costs, partitions: { player: shards, game: shards }, log, sink };
  const hot = new HotActors({ ...options, now: () => time.now });
  const [id] = idsOf(3, 1);
  const look = (ms: number, events: number) => {
    time.now += ms;
    commit(3, Array.from({ length: events }, () => id!));
    hot.look([{ stage: "player", partition: 3 }, { stage: "player", partition: 0 }]);
    return Object.fromEntries(
      (sink.drain().hot_actors ?? []).map(([labels, value]) => [labels.join("/"), value]),
    );
  };
  assert.deepEqual(look(0, 1), { "player/3": 0, "player/0": 0 });
  assert.deepEqual(look(limits.hotActorLookMs, 1), { "player/3": 0, "player/0": 0 }, "too short");
  for (let i = 0; i < 6; i++) look(limits.hotActorLookMs, 2000);
  assert.deepEqual(look(limits.hotActorLookMs, 2000), { "player/3": 1, "player/0": 0 });
  assert.equal(hot.isHot("player", id!), true);
  assert.deepEqual([hot.isHot("player", "demo/x"), hot.isHot("game", id!)], [false, false]);
  assert.deepEqual(lines.map(({ actor, events_percent }) => [actor, events_percent]), [[id, 100]]);
  look(limits.hotActorWarnMs, 20_000);
  assert.equal(lines.length, 2, "told again after a while");
  // Two windows later what was is forgotten.
  for (let i = 0; i < 5; i++) look(limits.hotActorWarnMs, 1);
  assert.equal(hot.isHot("player", id!), false);
});
