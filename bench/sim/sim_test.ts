import assert from "node:assert/strict";
import { type Mutations } from "./world.ts";
import { withoutAtomicity, withoutDedupe, withoutFencing } from "./mutations.ts";
import { simulate } from "./sim.ts";

Deno.test("simulate() finds no violation in 50 seeds, and its faults are real", async () => {
  const report = await simulate(50);
  assert.deepEqual(report.failures, []);
  assert.ok(report.crashes > 30, `${report.crashes} crashes`);
  assert.ok(report.zombies > 10, `${report.zombies} zombies`);
  assert.ok(report.retakes > 10, `${report.retakes} retakes`);
  assert.ok(report.injectedFaults > 1000, `${report.injectedFaults} faults`);
  assert.ok(report.events > 2000, `${report.events} events`);
});

Deno.test("simulate() gives the same trace for the same seeds", async () => {
  const [first, second] = [await simulate(5, 7), await simulate(5, 7)];
  assert.equal(first.traceHash, second.traceHash);
  assert.notEqual(first.traceHash, (await simulate(5, 8)).traceHash);
});

for (
  const [name, mutation] of Object.entries({ withoutDedupe, withoutFencing, withoutAtomicity })
) {
  Deno.test(`simulate() finds a violation within 200 seeds ${name}`, async () => {
    assert.ok(await firstViolation(mutation) <= 200);
  });
}

async function firstViolation(mutation: Mutations): Promise<number> {
  for (let seed = 1; seed <= 200; seed += 5) {
    if ((await simulate(5, seed, mutation)).violations > 0) return seed + 4;
  }
  return Infinity;
}
