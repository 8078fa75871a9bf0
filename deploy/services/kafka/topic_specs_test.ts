import assert from "node:assert/strict";
import { topicNames, topicTable } from "../../../schema/topics.ts";
import { topicSpecs } from "./topic_specs.ts";

Deno.test("topicSpecs() has every topic of the table, with its partitions, and nothing that time alone drops", () => {
  const table = topicTable();
  const specs = topicSpecs(1);
  assert.deepEqual(specs.map(({ name }) => name), topicNames);
  for (const [i, name] of topicNames.entries()) {
    const { partitions, replicas, settings } = specs[i]!;
    assert.equal(partitions, table[name].partitions);
    assert.equal(replicas, 1);
    assert.equal(settings["retention.ms"], "-1");
    assert.equal(settings["message.timestamp.type"], "LogAppendTime");
  }
});

Deno.test("topicSpecs() spreads replicas over three brokers, and takes another partition count", () => {
  const raw = topicSpecs(3, 7).find(({ name }) => name === "player.events.raw")!;
  assert.equal(raw.partitions, 7);
  assert.equal(raw.replicas, 3);
  assert.equal(raw.settings["min.insync.replicas"], "2");
});
