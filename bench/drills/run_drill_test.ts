import assert from "node:assert/strict";
import { type DrillResult, type OwnContext, type OwnDrill, skip } from "./drill_types.ts";
import { runDrill } from "./run_drill.ts";

function drillOf(run: (ctx: OwnContext) => Promise<DrillResult>): OwnDrill {
  return { id: "0", name: "test", mutations: { broken: /lost \d+/ }, run };
}

const options = { seed: 3, quick: true, print: () => {}, secondsMax: 5 };
const good: DrillResult = { pass: true, counts: { lost: 0 }, notes: [] };
const lost: DrillResult = { pass: false, counts: { lost: 2 }, notes: ["slow", "lost 2"] };

Deno.test("runDrill() gives a drill a folder of its own and removes it", async () => {
  let dir = "";
  const outcome = await runDrill(
    drillOf((ctx) => {
      dir = ctx.dir;
      assert.ok(Deno.statSync(dir).isDirectory);
      return Promise.resolve(good);
    }),
    options,
  );
  assert.deepEqual([outcome.pass, outcome.seed, outcome.mutation], [true, 3, null]);
  assert.throws(() => Deno.statSync(dir), Deno.errors.NotFound);
});

Deno.test("runDrill() passes a broken promise only when it is noticed as what it is", async () => {
  const mutation = "broken";
  const noticed = await runDrill(drillOf(() => Promise.resolve(lost)), { ...options, mutation });
  assert.deepEqual([noticed.pass, noticed.notes], [true, ["noticed: lost 2"]]);
  const unnoticed = await runDrill(drillOf(() => Promise.resolve(good)), { ...options, mutation });
  assert.equal(unnoticed.pass, false);
  const other = { ...lost, notes: ["slow"] };
  const mistaken = await runDrill(drillOf(() => Promise.resolve(other)), { ...options, mutation });
  assert.equal(mistaken.pass, false);
});

Deno.test("runDrill() fails a drill that throws, with a broken promise, too", async () => {
  const thrower = drillOf(() => Promise.reject(new Error("lost 1 way")));
  for (const more of [{}, { mutation: "broken" }]) {
    const outcome = await runDrill(thrower, { ...options, ...more });
    assert.equal(outcome.pass, false);
    assert.match(outcome.notes[0]!, /lost 1 way/);
  }
});

Deno.test("runDrill() fails a drill that is not done in time", async () => {
  const hanging = drillOf(() => new Promise(() => {}));
  const outcome = await runDrill(hanging, { ...options, secondsMax: 0.05 });
  assert.equal(outcome.pass, false);
  assert.match(outcome.notes[0]!, /not done after 0\.05 s/);
});

Deno.test("runDrill() takes a drill that was skipped for none that passed, with a broken promise, too", async () => {
  for (const more of [{}, { mutation: "broken" }]) {
    const drill = drillOf(() => Promise.resolve(skip("no broker")));
    const outcome = await runDrill(drill, { ...options, ...more });
    assert.deepEqual([outcome.pass, outcome.skipped], [false, "no broker"]);
    assert.deepEqual(outcome.notes, ["skipped: no broker"]);
  }
});
