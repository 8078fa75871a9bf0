/**
 * A worker with one shard of counters, for {@link ours}: the log and the store are in memory, all
 * else is the shard's own code.
 *
 * @module
 */
import { topicTable } from "../../../schema/topics.ts";
import { MemoryLog } from "../../../supervisor/log/memory_log.ts";
import { systemClock } from "../../../supervisor/shard/clock.ts";
import { Shard } from "../../../supervisor/shard/shard.ts";
import { playerStage } from "../../../supervisor/shard/stages.ts";
import { MemoryStore } from "../../../supervisor/store/memory_store.ts";
import { type Endpoint, Rpc } from "../../../supervisor/worker/rpc.ts";
import { counter, recordsOf } from "./counter.ts";

const players = 1000;
const topics = {
  ...topicTable(1),
  "game.deltas": { ...topicTable(1)["game.deltas"], partitions: 1 },
};
const clock = systemClock();
const log = new MemoryLog({ topics, now: () => clock.now() });
const shard = new Shard({
  stage: playerStage(counter),
  partition: 0,
  owner: "bench",
  log,
  store: new MemoryStore(),
  clock,
  topics,
  actorBytesMax: 1e9,
});

async function fill(): Promise<void> {
  const records = recordsOf(players, players);
  await log.append(
    "player.events.raw",
    records.map(({ key, value }) => ({ partition: 0, key, value })),
  );
  const never = new AbortController().signal;
  void shard.run(never, never);
  while (shard.report().nextOffset < players) await clock.sleep(5);
}

const filled = fill();

new Rpc(self as unknown as Endpoint, {
  ready: () => filled,
  ask: ({ actorId }: { actorId: string }) => shard.ask(actorId, "count", clock.now()),
});
