import assert from "node:assert/strict";
import { clearAllSites } from "../../../drills/platform/site.ts";
import type { DurableJob } from "./contestant.ts";
import { durableContestants, measureDurable } from "./durable.ts";

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
