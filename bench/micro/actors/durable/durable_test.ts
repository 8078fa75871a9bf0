import assert from "node:assert/strict";
import { clearAllSites } from "../../../drills/platform/site.ts";
import type { DurableJob } from "./contestant.ts";
import { durableContestants, measureAllDurable, measureDurable } from "./durable.ts";

const job: DurableJob = { players: 7, events: 100, concurrency: 4 };

for (const who of durableContestants) {
  Deno.test({
    name: `measureDurable() has ${who.name} count each event once`,
    ignore: Deno.build.os !== "linux",
    async fn() {
      try {
        const { events_per_second, p50, p99 } = await measureDurable(who, job);
        assert.ok(Number.isFinite(events_per_second) && events_per_second > 0);
        assert.ok(p50 > 0 && p99 >= p50);
      } finally {
        await clearAllSites();
      }
    },
  });
}

Deno.test("measureDurable() fails a runtime that counts wrongly", async () => {
  const lying = {
    name: "liar",
    run: () => Promise.resolve({ ms: 1, counted: 99, p50: 1, p99: 1 }),
  };
  await assert.rejects(measureDurable(lying, job), /liar counted 99 where 100 were due/);
});

Deno.test("measureAllDurable() takes turns, and keeps the best of each", async () => {
  const turns: string[] = [];
  const runner = (name: string, times: number[]) => ({
    name,
    run() {
      turns.push(name);
      return Promise.resolve({ ms: times.shift()!, counted: 100, p50: 1, p99: 1 });
    },
  });
  const all = [runner("a", [50, 20, 40]), runner("b", [10, 20, 30])];
  const best = await measureAllDurable(all, job, 3);
  assert.deepEqual(turns, ["a", "b", "a", "b", "a", "b"]);
  assert.deepEqual(
    best.map(({ name, events_per_second }) => [name, events_per_second]),
    [["a", 5000], ["b", 10_000]],
  );
});
