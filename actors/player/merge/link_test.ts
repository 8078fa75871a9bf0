import assert from "node:assert/strict";
import { PlayerRouter } from "../../testing/player_router.ts";

/** `c` asks `b`, who will refuse; `a` and `aa` ask `c` meanwhile, and wait. */
function twoWaiting(): PlayerRouter {
  const router = new PlayerRouter();
  for (const id of ["a", "aa", "b", "c", "y"]) router.event({ user_id: id });
  router.link("y", "b");
  router.settle();
  router.link("c", "b");
  router.link("a", "c");
  router.link("aa", "c");
  for (const key of ["a\nc", "aa\nc"]) router.deliver(router.waiting().indexOf(key));
  return router;
}

Deno.test("goOn() makes a player an alias of one of those who wait, and of no other", () => {
  const router = twoWaiting();
  assert.equal(router.state("c").merge?.waiting.length, 2);
  router.settle();
  assert.equal(router.profile("c").mergedInto, "a");
  assert.deepEqual(Object.fromEntries(router.aliases), { b: "y", c: "a" });
  assert.deepEqual(router.refused, ["merge_merged_elsewhere", "merge_merged_elsewhere"]);
});

Deno.test("receiveAbsorb() hands on what came with an alias when he becomes one himself at once", () => {
  const router = new PlayerRouter();
  router.link("e", "x");
  router.link("e", "y");
  router.link("c", "e");
  router.link("a", "c");
  // e is in the middle of his own ask, and a waits for c, who waits for e.
  for (const key of ["c\ne", "a\nc"]) router.deliver(router.waiting().indexOf(key));
  router.settle();
  assert.deepEqual(Object.fromEntries(router.aliases), { c: "a", e: "a", x: "a", y: "a" });
  const asks = [...router.players.values()].flatMap(({ merge }) => merge?.asks ?? []);
  assert.deepEqual(asks, []);
});

Deno.test("goOn() leaves what he wanted to ask to whom he is now", () => {
  const router = twoWaiting();
  router.link("c", "d");
  router.settle();
  assert.deepEqual(Object.fromEntries(router.aliases), { b: "y", c: "a", d: "a" });
  assert.equal(router.profile("d").mergedInto, "a");
  assert.equal(router.state("a").merge?.asks.length, 0);
});
