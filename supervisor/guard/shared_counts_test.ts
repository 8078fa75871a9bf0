import assert from "node:assert/strict";
import { SharedCounts } from "./shared_counts.ts";

Deno.test("SharedCounts tells on one side what was counted on the other, each refusal once", () => {
  const counted = new SharedCounts();
  const telling = new SharedCounts(counted.buffer);
  const told: unknown[][] = [];
  const counts = {
    open: (connections: number) => void told.push(["open", connections]),
    refused: (reason: string, connections: number) => void told.push([reason, connections]),
  };
  counted.open(3);
  counted.refused("full", 1);
  counted.refused("full", 2);
  counted.refused("evicted", 1);
  telling.tell(counts);
  assert.deepEqual(told.splice(0), [["open", 3], ["full", 3], ["evicted", 1]]);
  counted.open(2);
  telling.tell(counts);
  assert.deepEqual(told.splice(0), [["open", 2]]);
  counted.refused("late", 5);
  counted.refused("address", 1);
  telling.tell(counts);
  assert.deepEqual(told, [["open", 2], ["address", 1], ["late", 5]]);
});

Deno.test("SharedCounts counts on beyond 2^31", () => {
  const counted = new SharedCounts();
  const telling = new SharedCounts(counted.buffer);
  let refused = 0;
  const counts = { open() {}, refused: (_: string, by: number) => void (refused += by) };
  counted.refused("full", 2 ** 31 - 1);
  telling.tell(counts);
  counted.refused("full", 2);
  telling.tell(counts);
  assert.equal(refused, 2 ** 31 + 1);
});
