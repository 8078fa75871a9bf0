import assert from "node:assert/strict";
import fc from "fast-check";
import { dayOf, dayText, internalType, isInternal, playerId } from "./event.ts";

const midnight = Date.UTC(2026, 0, 31);

Deno.test("dayOf() changes at midnight UTC and not a millisecond before", () => {
  assert.equal(dayOf(midnight) - dayOf(midnight - 1), 1);
  assert.equal(dayOf(midnight + 86_399_999), dayOf(midnight));
  assert.equal(dayOf(0), 0);
  assert.equal(dayOf(-1), -1);
});

Deno.test("dayText() is the inverse of dayOf() on whole days", () => {
  assert.equal(dayText(dayOf(midnight)), "2026-01-31");
  fc.assert(fc.property(fc.integer({ min: -700_000, max: 2_900_000 }), (day) => {
    assert.equal(dayOf(Date.parse(dayText(day))), day);
  }));
});

Deno.test("isInternal() holds for $ types only", () => {
  assert.ok(isInternal({ event_type: internalType.timer }));
  for (const event_type of ["timer", "", "a$b"]) assert.ok(!isInternal({ event_type }));
});

Deno.test("playerId() joins studio and user", () => {
  assert.equal(playerId({ studio: "demo", user_id: "a/b" }), "demo/a/b");
});
