import assert from "node:assert/strict";
import type { HaltMark } from "../../store/store.ts";
import { Troubles } from "./troubles.ts";

const halt = (actorId: string, fields: Partial<HaltMark> = {}): HaltMark => ({
  actorId,
  reason: "told to",
  since: 5,
  offset: -1,
  behindSince: null,
  letters: 0,
  ...fields,
});

Deno.test("Troubles.halt() holds until release(), which also clears what was parked", () => {
  const troubles = new Troubles();
  assert.equal(troubles.reasonOf("t/a"), undefined);
  troubles.halt(halt("t/a"));
  troubles.halt(halt("t/b"));
  troubles.countParked("t/a");
  assert.deepEqual(troubles.halted(), [halt("t/a"), halt("t/b")]);
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

Deno.test("Troubles.begin() takes the store's word, whatever was thought before", () => {
  const troubles = new Troubles();
  troubles.halt(halt("t/forgotten", { offset: 9 }));
  troubles.begin([halt("t/known", { offset: 7, letters: 3 })]);
  assert.deepEqual(troubles.halted(), [halt("t/known", { offset: 7, letters: 3 })]);
  assert.deepEqual([troubles.haltedAt("t/known"), troubles.haltedAt("t/forgotten")], [7, -1]);
});

Deno.test("Troubles.countLetter() counts for who is halted, and for nobody else", () => {
  const troubles = new Troubles();
  const first = halt("t/a");
  troubles.halt(first);
  troubles.countLetter("t/a");
  assert.equal(troubles.countLetter("t/a")?.letters, 2);
  assert.equal(first.letters, 0, "a commit may hold it");
  assert.equal(troubles.countLetter("t/b"), undefined);
});

Deno.test("Troubles.countParked() forgets who was first when there are too many", () => {
  const troubles = new Troubles();
  for (let i = 0; i < 10_000; i++) troubles.countParked(`t/${i}`);
  troubles.countParked("t/0");
  assert.equal(troubles.parkedOf("t/0"), 2);
  troubles.countParked("t/new");
  assert.deepEqual(["t/0", "t/1", "t/new"].map((id) => troubles.parkedOf(id)), [0, 1, 1]);
});
