import assert from "node:assert/strict";
import fc from "fast-check";
import { KnownActors } from "./known_actors.ts";

Deno.test("KnownActors.mayHave() is true of everybody until the filter is complete", () => {
  const known = new KnownActors();
  known.add("s/a");
  assert.ok(known.mayHave("s/a"));
  assert.ok(known.mayHave("s/b"));
  known.complete();
  assert.ok(known.mayHave("s/a"));
  assert.ok(!known.mayHave("s/b"));
});

Deno.test("KnownActors forgets nobody who was added", () => {
  fc.assert(fc.property(fc.array(fc.string(), { maxLength: 200 }), (ids) => {
    const known = new KnownActors();
    known.complete();
    for (const id of ids) known.add(id);
    for (const id of ids) assert.ok(known.mayHave(id), id);
  }));
});

Deno.test("KnownActors takes fewer than 1 in 100 strangers for somebody it knows, grown over several layers", () => {
  const known = new KnownActors();
  known.complete();
  for (let i = 0; i < 100_000; i++) known.add(`studio/player-${i}`);
  for (let i = 0; i < 100_000; i++) assert.ok(known.mayHave(`studio/player-${i}`));
  let mistaken = 0;
  for (let i = 0; i < 100_000; i++) if (known.mayHave(`studio/stranger-${i}`)) mistaken++;
  assert.ok(mistaken < 1000, `${mistaken} of 100,000`);
});
