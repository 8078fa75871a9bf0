import assert from "node:assert/strict";
import { Comparison, noneOf, tableOf } from "./check.ts";

Deno.test("Comparison is ok without differences, else counts things and values and shows the first", () => {
  const comparison = new Comparison("games", "games");
  comparison.add("a", []);
  assert.deepEqual(comparison.result(), {
    name: "games",
    ok: true,
    detail: "1 games",
    examples: [],
  });
  const wrong = Array.from({ length: 8 }, (_, i) => ({ path: `p${i}`, expected: i, actual: 9 }));
  comparison.add("b", wrong);
  const { ok, detail, examples } = comparison.result();
  assert.equal(ok, false);
  assert.equal(detail, "1 of 2 games differ, in 8 values");
  assert.equal(examples.length, 5);
  assert.equal(examples[1], "b p1: expected 1, got 9");
});

Deno.test("tableOf() marks what holds, what does not, and what could not be checked", () => {
  const checks = [
    noneOf("short", { count: 0, examples: [] }, "10 events"),
    noneOf("a longer name", { count: 2, examples: ["x", "y"] }, "10 events"),
    { name: "n/a", ok: undefined, detail: "why", examples: [] },
  ];
  assert.deepEqual(tableOf(checks), [
    "✓ short          10 events",
    "✗ a longer name  2 of 10 events",
    "    x",
    "    y",
    "– n/a            why",
  ]);
});
