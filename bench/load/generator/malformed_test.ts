import assert from "node:assert/strict";
import type { PlayerEvent } from "../../../schema/event.ts";
import { validateEvent } from "../../../schema/event_validation.ts";
import { Rejection } from "../../../schema/rejection.ts";
import { malformedEvent, rejectionCodes } from "./malformed.ts";

const now = Date.UTC(2026, 4, 20, 12);

function verdict(text: string): PlayerEvent | Rejection {
  return validateEvent(JSON.parse(text), {
    studio: "demo",
    games: new Set(["mine"]),
    now,
    newId: () => "made",
  });
}

const template = {
  eventId: "e-1",
  userId: "u-1",
  gameId: "mine",
  timestamp: now,
  originMs: now,
  forbiddenGame: "theirs",
};

for (const code of rejectionCodes) {
  Deno.test(`malformedEvent() makes events that are refused with ${code}`, () => {
    const text = malformedEvent(code, template);
    assert.match(text, /^[\x20-\x7e]+$/, "one line of ASCII");
    if (code === "invalid_json") {
      assert.throws(() => JSON.parse(text), SyntaxError);
      return;
    }
    const found = verdict(text);
    assert.ok(found instanceof Rejection, "was accepted");
    assert.equal(found.code, code);
  });
}
