import assert from "node:assert/strict";
import { RestartBudget } from "./restart_budget.ts";

Deno.test("RestartBudget.spend() allows intensity restarts within any period", () => {
  const budget = new RestartBudget(2, 1000);
  assert.deepEqual([0, 500, 999, 1000, 1001, 1500].map((ms) => budget.spend(ms)), [
    true,
    true,
    false, // 0 and 500 are within the last 1000 ms
    true, // 0 is not
    false, // 500 and 1000
    true,
  ]);
});

Deno.test("RestartBudget of intensity 0 allows none", () => {
  assert.equal(new RestartBudget(0, 1000).spend(0), false);
});

Deno.test("RestartBudget() checks its numbers", () => {
  assert.throws(() => new RestartBudget(-1, 1000), /'intensity' .* -1/);
  assert.throws(() => new RestartBudget(1.5, 1000), /'intensity' .* 1.5/);
  assert.throws(() => new RestartBudget(1, 0), /'periodMs' .* 0/);
});

Deno.test("RestartBudget does not hold what lies ahead of a clock that was set back against anybody", () => {
  const budget = new RestartBudget(2, 1000);
  assert.deepEqual([budget.spend(3_600_000), budget.spend(3_600_001)], [true, true]);
  assert.deepEqual([budget.spend(500), budget.spend(501), budget.spend(502)], [true, true, false]);
});
