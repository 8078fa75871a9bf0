import assert from "node:assert/strict";
import { topicTable } from "../../schema/topics.ts";
import { shardOf } from "../local_platform.ts";
import { nodeTimeTravel } from "./node_time_travel.ts";

Deno.test("nodeTimeTravel() asks the shard of the actor, and refuses an offset of another one", async () => {
  const calls: unknown[][] = [];
  const shards = {
    call: <T>(...call: unknown[]) => {
      calls.push(call);
      return Promise.resolve(null as T);
    },
  };
  const topics = topicTable(12);
  const travel = nodeTimeTravel(shards, topics);
  const shard = shardOf("player", "demo/ann", topics);
  const here = { partition: shard.partition, offset: 7 };
  await travel.diff("player", "demo/ann", here, { receivedAt: 5 });
  await travel.replay("player", "demo/ann");
  assert.deepEqual(calls, [
    [shard, "diff", {
      ...shard,
      actorId: "demo/ann",
      from: { offset: 7 },
      to: { receivedAt: 5 },
    }],
    [shard, "replay", { ...shard, actorId: "demo/ann", asOf: undefined }],
  ]);
  const elsewhere = { ...here, partition: shard.partition + 1 };
  await assert.rejects(travel.diff("player", "demo/ann", elsewhere), { code: "wrong_partition" });
  await assert.rejects(travel.replay("player", "demo/ann", elsewhere), { code: "wrong_partition" });
});
