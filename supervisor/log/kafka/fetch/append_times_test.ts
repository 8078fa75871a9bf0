import assert from "node:assert/strict";
import fc from "fast-check";
import type { LogRecord } from "../../log.ts";
import { AppendTimes } from "./append_times.ts";

const topic = "player.events.raw";

/** Records with these times, and the broker's time index over them. */
function logOf(times: readonly number[]) {
  let looks = 0;
  const records: LogRecord[] = times.map((timestamp, offset) => (
    { offset, timestamp, key: "k", value: "v" }
  ));
  const cluster = {
    listOffsets: (_topic: string, asked: readonly { partition: number; at: number }[]) => {
      looks++;
      const found = records.find(({ timestamp }) => timestamp >= asked[0]!.at);
      return Promise.resolve([{
        offset: found?.offset ?? -1,
        timestamp: found?.timestamp ?? -1,
      }]);
    },
  };
  return { records, cluster, looks: () => looks };
}

function runningMax(times: readonly number[]): number[] {
  let max = 0;
  return times.map((time) => max = Math.max(max, time));
}

Deno.test("AppendTimes gives each record the largest time so far, wherever reading begins", async () => {
  const times = fc.array(fc.integer({ min: 1, max: 10_000_000 }), { minLength: 1, maxLength: 30 });
  await fc.assert(fc.asyncProperty(times, fc.nat(29), fc.nat(29), async (times, a, b) => {
    const { records, cluster } = logOf(times);
    const from = Math.min(a, times.length - 1);
    const then = Math.min(times.length, from + 1 + b);
    const reader = new AppendTimes(cluster);
    const read = async (from: number, to: number) =>
      (await reader.settle(topic, 0, from, to, records.slice(from, to))).map((r) => r.timestamp);
    const found = [...await read(from, then), ...await read(then, times.length)];
    assert.deepEqual(found, runningMax(times).slice(from));
  }));
});

Deno.test("AppendTimes asks once where clocks went on, and not again for what follows", async () => {
  const { records, cluster, looks } = logOf([5, 5, 6, 7, 7, 9]);
  const reader = new AppendTimes(cluster);
  assert.equal(await reader.settle(topic, 0, 6, 6, []).then((r) => r.length), 0);
  await reader.settle(topic, 0, 1, 3, records.slice(1, 3));
  await reader.settle(topic, 0, 3, 6, records.slice(3));
  assert.equal(looks(), 1);
});
