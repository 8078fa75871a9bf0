import assert from "node:assert/strict";
import { Forbidden, readableGame } from "./access.ts";
import { type Principal, principalOf } from "../schema/principal.ts";

const principal = (over: Partial<Principal>): Principal => ({
  ...principalOf({ id: "k", role: "reader", studio: "s" }),
  ...over,
});

Deno.test("readableGame() lets a studio's key read one game or all", () => {
  assert.equal(readableGame(principal({})), undefined);
  assert.equal(readableGame(principal({}), null), undefined);
  assert.equal(readableGame(principal({}), "g"), "g");
});

Deno.test("readableGame() confines a key to its games", () => {
  const one = principal({ games: new Set(["g"]) });
  assert.equal(readableGame(one), "g");
  assert.throws(() => readableGame(one, "h"), Forbidden);
  const two = principal({ games: new Set(["g", "h"]) });
  assert.equal(readableGame(two, "h"), "h");
  assert.throws(() => readableGame(two), /name one of them/);
});

Deno.test("readableGame() refuses a key that only writes", () => {
  assert.throws(() => readableGame(principal({ read: false }), "g"), Forbidden);
});
