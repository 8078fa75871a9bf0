import assert from "node:assert/strict";
import { type Progress, settle } from "./settle.ts";

/** A platform seen at successive looks; the last one stays. */
function seen(looks: { missing: number; stored: number; counted: number }[]): {
  progress: Progress;
  pause: (ms: number) => Promise<void>;
  now: () => number;
} {
  let look = 0;
  let clock = 0;
  const at = () => looks[Math.min(look, looks.length - 1)]!;
  return {
    progress: {
      missing: () => Promise.resolve(at().missing),
      stored: () => Promise.resolve(new Map([["g", at().stored]])),
      counted: () => Promise.resolve(at().counted),
    },
    pause: (ms) => {
      look++;
      clock += ms;
      return Promise.resolve();
    },
    now: () => clock,
  };
}

Deno.test("settle() waits for missing events, then for the games, then for a calm moment", async () => {
  const { progress, pause, now } = seen([
    { missing: 5, stored: 5, counted: 5 },
    { missing: 0, stored: 10, counted: 7 },
    { missing: 0, stored: 10, counted: 10 },
    { missing: 0, stored: 12, counted: 12 },
    { missing: 0, stored: 12, counted: 12 },
  ]);
  assert.deepEqual(await settle(progress, 60_000, pause, now), {
    ok: true,
    seconds: 2,
    reason: "",
  });
});

for (
  const [look, reason] of [
    [{ missing: 3, stored: 1, counted: 1 }, "3 acknowledged events are not in SQL"],
    [{ missing: 0, stored: 9, counted: 4 }, "game g has counted 4 of 9 events"],
  ] as const
) {
  Deno.test(`settle() gives up and says why: ${reason}`, async () => {
    const { progress, pause, now } = seen([look]);
    const settled = await settle(progress, 5_000, pause, now);
    assert.equal(settled.ok, false);
    assert.equal(settled.reason, reason);
    assert.ok(settled.seconds > 5 && settled.seconds < 7);
  });
}
