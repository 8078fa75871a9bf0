import assert from "node:assert/strict";
import { clearAllSites } from "../../drills/platform/site.ts";
import { Crowd } from "./crowd.ts";
import { measureRecovery } from "./measure_recovery.ts";
import { failures } from "./recovery.ts";

/** A busy machine may take longer than is promised of a quiet one. */
const firstAnswerMsMax = 10_000;

Deno.test({
  name: "measureRecovery() finds every player as it was, after everything was killed",
  ignore: Deno.build.os !== "linux",
  async fn() {
    const dir = await Deno.makeTempDir({ prefix: "gamemetrics-recovery-" });
    try {
      const crowd = new Crowd(20_000, 7);
      const found = await measureRecovery({ players: 20_000, seed: 7, dir, tell: () => {} });
      assert.deepEqual(found.faults, []);
      assert.equal(found.events, crowd.total);
      assert.ok(found.first.from_shards_up_ms <= firstAnswerMsMax, JSON.stringify(found.first));
      assert.equal(found.cold.asks, 1000);
      assert.ok(found.eager.players_per_second > 0 && found.eager.live_at_end > 0);
    } finally {
      await clearAllSites();
      await Deno.remove(dir, { recursive: true });
    }
  },
});

Deno.test("failures() tells of a late first answer and of what was not exact", () => {
  const recovery = { faults: ["one"], first: { from_shards_up_ms: 999 } } as never;
  assert.deepEqual(failures(recovery), ["one"]);
  const late = { faults: [], first: { from_shards_up_ms: 1001 } } as never;
  assert.deepEqual(failures(late), ["the first answer came 1001 ms after the shards"]);
});
