import assert from "node:assert/strict";
import { topicNames, topicTable } from "./topics.ts";

Deno.test("topicTable() has 12 raw partitions unless told otherwise, and changes no other topic", () => {
  const standard = topicTable();
  assert.equal(standard["player.events.raw"].partitions, 12);
  const other = topicTable(3);
  assert.equal(other["player.events.raw"].partitions, 3);
  for (const name of topicNames) {
    if (name !== "player.events.raw") assert.deepEqual(other[name], standard[name]);
  }
  assert.equal(topicTable()["player.events.raw"].partitions, 12, "the table itself is untouched");
});

Deno.test("topicNames names every topic of the table", () => {
  assert.deepEqual([...topicNames].sort(), Object.keys(topicTable()).sort());
});
