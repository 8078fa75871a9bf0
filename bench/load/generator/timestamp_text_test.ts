import assert from "node:assert/strict";
import { Random } from "./random.ts";
import { timestampText } from "./timestamp_text.ts";

Deno.test("timestampText() equals Date.toISOString() at any time", () => {
  const random = new Random(1);
  const base = Date.UTC(2024, 1, 20);
  for (let i = 0; i < 20_000; i++) {
    const ms = base + Math.floor(random.unit() * 400 * 86_400_000);
    assert.equal(timestampText(ms), new Date(ms).toISOString());
  }
});

Deno.test("timestampText() is right at the edges of days, minutes and the epoch", () => {
  for (const day of [0, 1, 19_782, 19_783]) {
    for (const ms of [0, 999, 1000, 59_999, 60_000, 3_599_999, 86_399_999]) {
      assert.equal(
        timestampText(day * 86_400_000 + ms),
        new Date(day * 86_400_000 + ms).toISOString(),
      );
    }
  }
});
