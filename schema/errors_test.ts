import assert from "node:assert/strict";
import {
  ActorHalted,
  Fenced,
  InvalidInput,
  InvariantBroken,
  OffsetMissing,
  OutcomeUnknown,
  PlatformError,
  Terminal,
  Unavailable,
} from "./errors.ts";

const cause = new Error("the reason");

/** One error of each class: its code, and whether clients may see the message. */
const all: [PlatformError, string, string, boolean][] = [
  [new InvalidInput("invalid_field", "wrong", "a.b"), "InvalidInput", "invalid_field", true],
  [new Unavailable("store", "away", { cause }), "Unavailable", "unavailable", false],
  [new OutcomeUnknown("log", "silent", { cause }), "OutcomeUnknown", "outcome_unknown", false],
  [new Fenced("taken"), "Fenced", "fenced", false],
  [new OffsetMissing("t", 1, 5, "7 to 9"), "OffsetMissing", "offset_missing", false],
  [new Terminal("disk_gone", "no", { cause }), "Terminal", "disk_gone", false],
  [new ActorHalted("s/a", "replay failed"), "ActorHalted", "actor_halted", false],
  [new InvariantBroken("impossible"), "InvariantBroken", "invariant_broken", false],
];

for (const [error, name, code, isPublic] of all) {
  Deno.test(`${name} keeps its name, code and visibility`, () => {
    assert.ok(error instanceof PlatformError && error instanceof Error);
    assert.deepEqual([error.name, error.code, error.isPublic], [name, code, isPublic]);
  });
}

Deno.test("Unavailable, OutcomeUnknown and Terminal keep their cause", () => {
  const causes = all.map(([error]) => error.cause).filter((c) => c !== undefined);
  assert.deepEqual(causes, [cause, cause, cause]);
});

Deno.test("InvalidInput names the field, and none by default", () => {
  assert.equal(new InvalidInput("c", "m", "a.b").path, "a.b");
  assert.equal(new InvalidInput("c", "m").path, "");
});

Deno.test("OffsetMissing says what was wanted and what there is", () => {
  const { message } = new OffsetMissing("player.events.raw", 1, 5, "7 to 9");
  assert.equal(message, "Cannot read player.events.raw/1 at offset 5: the log holds 7 to 9");
});
