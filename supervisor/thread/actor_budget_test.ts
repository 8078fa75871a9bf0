import assert from "node:assert/strict";
import fc from "fast-check";
import { budgetOf } from "./actor_budget.ts";

Deno.test("budgetOf() lets a busy shard use what idle ones leave", () => {
  assert.equal(budgetOf(100, 60, [60, 10, 0, 0]), 90);
  assert.equal(budgetOf(100, 10, [60, 10, 0, 0]), 40);
});

Deno.test("budgetOf() takes the excess from those above the fair share, by how far they are above", () => {
  const held = [65, 45, 10, 20];
  assert.deepEqual(held.map((own) => budgetOf(100, own, held)).map(Math.round), [38, 32, 25, 25]);
});

Deno.test("budgetOf() keeps all together within the total, and nobody below the fair share", () =>
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 0, max: 1_000_000 }), { minLength: 1, maxLength: 40 }),
      fc.integer({ min: 1, max: 10_000_000 }),
      (held, total) => {
        const fair = total / held.length;
        const kept = held.map((own) => Math.min(own, budgetOf(total, own, held)));
        const sumOf = (bytes: readonly number[]) => bytes.reduce((sum, n) => sum + n, 0);
        // What doubles round goes by what is held, which may be a million times the total.
        assert.ok(sumOf(kept) <= total + 1e-9 * (total + sumOf(held)));
        kept.forEach((bytes, i) => assert.ok(bytes >= Math.min(held[i]!, fair) - 1e-6));
      },
    ),
  ));
