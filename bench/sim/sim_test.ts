import assert from "node:assert/strict";
import { mutations } from "./mutations.ts";
import { simulate } from "./sim.ts";

Deno.test("simulate() finds no violation in 50 seeds, and its faults are real", async () => {
  const { failures, events, counts } = await simulate({ seeds: 50 });
  assert.deepEqual(failures, []);
  assert.ok(events > 2000, `${events} events`);
  const least: Partial<typeof counts> = {
    crashes: 30,
    crashesInCall: 15,
    handOvers: 10,
    zombies: 30,
    pauses: 15,
    fenced: 30,
    retakes: 10,
    failedBefore: 1000,
    failedAfter: 50,
    lost: 100,
    duplicated: 100,
    reordered: 100,
    merged: 100,
    restored: 20,
  };
  for (const [name, count] of Object.entries(least)) {
    const seen = counts[name as keyof typeof counts];
    assert.ok(seen >= count, `${name}: at least ${count}, are ${seen}`);
  }
});

Deno.test("simulate() gives the same trace for the same seeds", async () => {
  const [first, second] = [
    await simulate({ seeds: 5, from: 7 }),
    await simulate({ seeds: 5, from: 7 }),
  ];
  assert.equal(first.traceHash, second.traceHash);
  assert.deepEqual(first.counts, second.counts);
  assert.notEqual(first.traceHash, (await simulate({ seeds: 5, from: 8 })).traceHash);
});

for (const mutate of Object.keys(mutations)) {
  Deno.test(`simulate() finds ${mutate} switched off, and says how to see it again`, async () => {
    const { seeds, failures } = await simulate({ seeds: 200, mutate, untilFound: true });
    assert.ok(failures.length === 1, `nothing found in ${seeds} seeds`);
    const seed = Number(
      /^deno task sim --seed (\d+) --mutate [a-z-]+ {2}# ./.exec(failures[0]!)?.[1],
    );
    assert.equal(seed, seeds);
    const again = await simulate({ seeds: 1, from: seed, mutate });
    assert.deepEqual(again.failures, failures);
  });
}

Deno.test("simulate() refuses to switch off what it does not know", async () => {
  await assert.rejects(
    simulate({ seeds: 1, mutate: "toString" }),
    /Cannot simulate with 'toString'/,
  );
});
