import assert from "node:assert/strict";
import { Troubles } from "./troubles.ts";

const halt = (id: string, fields: { at?: number; behindSince?: number } = {}) => ({
  id,
  reason: "told to",
  since: 5,
  at: -1,
  behindSince: Infinity,
  ...fields,
});

Deno.test("Troubles.halt() holds until release(), which also clears what was parked", () => {
  const troubles = new Troubles();
  assert.equal(troubles.reasonOf("t/a"), undefined);
  troubles.halt(halt("t/a"));
  troubles.halt(halt("t/b"));
  troubles.countParked("t/a");
  assert.deepEqual(troubles.halted(), [
    { id: "t/a", reason: "told to", since: 5 },
    { id: "t/b", reason: "told to", since: 5 },
  ]);
  assert.deepEqual([troubles.haltedCount, troubles.isHalted("t/a")], [2, true]);
  troubles.release("t/a");
  assert.deepEqual([troubles.haltedCount, troubles.isHalted("t/a")], [1, false]);
  assert.equal(troubles.parkedOf("t/a"), 0);
});

Deno.test("Troubles.behindSince is that of the halted actor that is furthest behind", () => {
  const troubles = new Troubles();
  assert.equal(troubles.behindSince, Infinity);
  troubles.halt(halt("t/a", { behindSince: 70 }));
  troubles.halt(halt("t/b", { behindSince: 30 }));
  assert.equal(troubles.behindSince, 30);
  troubles.release("t/b");
  assert.equal(troubles.behindSince, 70);
});

Deno.test("Troubles.forgetFrom() lets go of those whom uncommitted messages halted, not of others", () => {
  const troubles = new Troubles();
  troubles.halt(halt("t/unloadable"));
  troubles.halt(halt("t/before", { at: 9 }));
  troubles.halt(halt("t/at", { at: 10 }));
  troubles.forgetFrom(10);
  assert.deepEqual(troubles.halted().map(({ id }) => id), ["t/unloadable", "t/before"]);
});

Deno.test("Troubles.countParked() forgets who was first when there are too many", () => {
  const troubles = new Troubles();
  for (let i = 0; i < 10_000; i++) troubles.countParked(`t/${i}`);
  troubles.countParked("t/0");
  assert.equal(troubles.parkedOf("t/0"), 2);
  troubles.countParked("t/new");
  assert.deepEqual(["t/0", "t/1", "t/new"].map((id) => troubles.parkedOf(id)), [0, 1, 1]);
});
