import assert from "node:assert/strict";
import fc from "fast-check";
import { hostileNames } from "../testing/player_arbitrary.ts";
import type { DeltaEffect, ScoreEffect } from "../kernel/behaviour.ts";
import { DeltaFold } from "./game_deltas.ts";

const plain = (value: unknown) => JSON.parse(JSON.stringify(value));
const delta = (fields: Partial<DeltaEffect>): DeltaEffect => (
  { type: "delta", game: "demo/g", metric: "events", by: 1, ...fields }
);
const score = (board: string, userId: string, score: number): ScoreEffect => (
  { type: "score", game: "demo/g", board, userId, score }
);
const only = (fold: DeltaFold) => plain(Object.fromEntries(fold.byPartition(() => 0)))[0] ?? {};

Deno.test("DeltaFold adds totals, days and ranges of days", () => {
  const fold = new DeltaFold();
  assert.ok(fold.isEmpty);
  for (const by of [1, 1, -1]) fold.addDelta(delta({ metric: "ccu", by }));
  fold.addDelta(delta({ day: 5, by: 3 }));
  fold.addDelta(delta({ metric: "wau", day: 4, through: 6 }));
  fold.addDelta(delta({ metric: "wau", day: 6, through: 6 }));
  assert.ok(!fold.isEmpty);
  assert.deepEqual(only(fold), {
    "demo/g": {
      totals: { ccu: 1 },
      days: { 4: { wau: 1 }, 5: { events: 3, wau: 1 }, 6: { wau: 2 } },
      scores: {},
    },
  });
});

Deno.test("DeltaFold keeps the best score of each user on each board", () => {
  const fold = new DeltaFold();
  fold.addScore(score("score", "ann", -3));
  fold.addScore(score("score", "ann", -7));
  fold.addScore(score("score", "bob", 1));
  fold.addScore(score("weekly", "ann", 2));
  assert.deepEqual(only(fold)["demo/g"].scores, {
    score: { ann: -3, bob: 1 },
    weekly: { ann: 2 },
  });
});

Deno.test("DeltaFold.byPartition() groups whole games", () => {
  const fold = new DeltaFold();
  for (const game of ["demo/a", "demo/b", "demo/c", "demo/a"]) fold.addDelta(delta({ game }));
  const groups = fold.byPartition((game) => game === "demo/b" ? 1 : 0);
  assert.deepEqual([...groups].map(([p, games]) => [p, Object.keys(games)]), [
    [0, ["demo/a", "demo/c"]],
    [1, ["demo/b"]],
  ]);
  assert.deepEqual(plain(groups.get(0)!["demo/a"]!.totals), { events: 2 });
});

Deno.test("DeltaFold carries hostile names through JSON", () => {
  for (const name of hostileNames) {
    const fold = new DeltaFold();
    fold.addDelta(delta({ game: name, metric: name, by: 2 }));
    fold.addDelta(delta({ game: name, metric: name, by: 3, day: 7 }));
    fold.addScore({ type: "score", game: name, board: name, userId: name, score: 9 });
    const folded = plain(fold.byPartition(() => 0).get(0));
    assert.deepEqual(Object.keys(folded), [name]);
    const game = Object.entries(folded)[0]![1] as Record<string, Record<string, object>>;
    assert.deepEqual(Object.entries(game["totals"]!), [[name, 2]]);
    assert.deepEqual(Object.entries(game["days"]!["7"]!), [[name, 3]]);
    assert.deepEqual(Object.keys(game["scores"]!), [name]);
    assert.deepEqual(Object.entries(Object.values(game["scores"]!)[0]!), [[name, 9]]);
  }
});

Deno.test("DeltaFold does not care in which order deltas come", () => {
  const any = fc.record({
    game: fc.constantFrom("demo/a", "demo/b"),
    metric: fc.constantFrom("events", "wau"),
    by: fc.integer({ min: -9, max: 9 }),
    day: fc.integer({ min: 0, max: 9 }),
    days: fc.integer({ min: -1, max: 6 }),
  });
  fc.assert(fc.property(fc.array(any), (list) => {
    const effects = list.map(({ day, days, ...rest }) =>
      delta({ ...rest, day, through: day + days })
    );
    const [fold, reversed] = [new DeltaFold(), new DeltaFold()];
    for (const effect of effects) fold.addDelta(effect);
    for (const effect of effects.toReversed()) reversed.addDelta(effect);
    assert.deepEqual(only(reversed), only(fold));
    for (const [game, { days }] of Object.entries(only(fold)) as [string, { days: object }][]) {
      for (const [day, metrics] of Object.entries(days)) {
        for (const [metric, value] of Object.entries(metrics)) {
          const expected = effects
            .filter((e) => e.game === game && e.metric === metric)
            .filter((e) => e.day! <= Number(day) && Number(day) <= e.through!)
            .reduce((sum, e) => sum + e.by, 0);
          assert.equal(value, expected);
        }
      }
    }
  }));
});
