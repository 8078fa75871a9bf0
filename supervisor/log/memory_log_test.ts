import assert from "node:assert/strict";
import { OffsetMissing } from "../../schema/errors.ts";
import { topicTable } from "../../schema/topics.ts";
import { testLogContract } from "./log_contract.ts";
import { MemoryLog } from "./memory_log.ts";

const topics = topicTable();
const never = new AbortController().signal;

testLogContract("MemoryLog", () => {
  let log = new MemoryLog({ topics, now: Date.now });
  return Promise.resolve({
    log,
    reopen: async () => {
      await log.close();
      log = new MemoryLog({ topics, now: Date.now, storage: log.storage });
      return log;
    },
    expire: () => Promise.resolve(),
    dispose: () => log.close(),
  });
});

Deno.test("MemoryLog stamps records with the injected clock, never backwards", async () => {
  const times = [1000, 900, 1100];
  const log = new MemoryLog({ topics, now: () => times.shift()! });
  for (const value of ["1", "2", "3"]) {
    await log.append("player.events.raw", [{ partition: 0, key: "s/u", value }]);
  }
  const found = await log.fetch("player.events.raw", 0, 0, 1000, never);
  assert.deepEqual(found.map((r) => r.timestamp), [1000, 1000, 1100]);
});

Deno.test("MemoryLog drops trimmed records at once", async () => {
  const log = new MemoryLog({ topics, now: () => 1 });
  await log.append(
    "game.deltas",
    [1, 2, 3].map((n) => ({ partition: 1, key: "k", value: `${n}` })),
  );
  await log.trim("game.deltas", 1, 2);
  assert.deepEqual((await log.ends("game.deltas"))[1], { start: 2, end: 3 });
  await assert.rejects(log.fetch("game.deltas", 1, 1, 1000, never), OffsetMissing);
});
