import assert from "node:assert/strict";
import fc from "fast-check";
import { DAY_MS } from "../limits.ts";
import { daysIn, msBeyond, unboxed } from "./unboxed.ts";

Deno.test("unboxed() changes no number", () => {
  fc.assert(fc.property(fc.oneof(fc.double(), fc.integer(), fc.maxSafeInteger()), (number) => {
    // −0 lies in a box, and JSON does not tell it from 0.
    assert.equal(unboxed(number), number === 0 ? 0 : number);
  }));
});

Deno.test("daysIn() and msBeyond() add up to what they are of, and whole times need no box", () => {
  const time = fc.oneof(
    fc.integer({ min: -(2 ** 52), max: 2 ** 52 }),
    fc.integer({ min: 0, max: 2 ** 53 }).map((quarters) => quarters / 4),
  );
  fc.assert(fc.property(time, (ms) => {
    const days = daysIn(ms);
    const beyond = msBeyond(days, ms);
    assert.equal(days * DAY_MS + beyond, ms);
    assert.ok(beyond >= 0 && beyond < DAY_MS);
    if (Number.isInteger(ms)) assert.equal(beyond, beyond | 0);
  }));
});
