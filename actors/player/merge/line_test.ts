import assert from "node:assert/strict";
import { limits } from "../../../schema/limits.ts";
import { annAndAnon, dayOf, onDay } from "../../testing/ann_and_anon.ts";
import { today } from "../../testing/player_harness.ts";
import { PlayerRouter } from "../../testing/player_router.ts";

/** Anon is no alias any more, with two events still on their way to ann, who has given it back. */
function parted(): PlayerRouter {
  const r = annAndAnon();
  r.link("ann", "anon");
  r.settle();
  const on = (d: number) => ({ user_id: "anon", game_id: "late", session_id: "x", ...onDay(d) });
  r.event(on(today - 5));
  r.event(on(today - 4));
  r.unlink("ann", "anon");
  while (r.state("anon").merge?.into !== undefined) r.deliver(1);
  assert.equal(r.waiting().length, 1);
  // It has come directly, and is the newest of the session.
  r.event(on(today));
  return r;
}
const sessionsOn = (r: PlayerRouter) => (
  [today - 5, today - 4, today].map((d) => dayOf(r, d, "late")["sessions"] ?? 0)
);

Deno.test("what comes to who was an alias waits for older events on their way back", () => {
  const r = parted();
  assert.deepEqual([sessionsOn(r), r.profile("anon").eventsTotal], [[0, 0, 0], 2]);
  r.passivate("anon");
  r.settle();
  assert.deepEqual([sessionsOn(r), r.profile("anon").eventsTotal], [[1, 0, 0], 5]);
  assert.equal(r.state("anon").merge!.waitsUntil, null);
  r.event({ user_id: "anon" });
  assert.equal(r.profile("anon").eventsTotal, 6, "nothing is awaited any more");
});

Deno.test("what waits for older events counts after a minute, and what is late when it comes", () => {
  const r = parted();
  r.pass(limits.forwardHeldMsMax - 1);
  assert.deepEqual(sessionsOn(r), [0, 0, 0]);
  r.pass(1);
  assert.deepEqual([sessionsOn(r), r.profile("anon").eventsTotal], [[0, 0, 1], 3]);
  r.event({ user_id: "anon" });
  assert.equal(r.profile("anon").eventsTotal, 4);
  r.settle();
  assert.deepEqual([sessionsOn(r), r.profile("anon").eventsTotal], [[0, 0, 1], 6]);
});

Deno.test("at most 128 events wait for older ones", () => {
  const r = parted();
  for (let i = 1; i < limits.forwardsHeldMax; i++) r.event({ user_id: "anon" });
  assert.equal(r.profile("anon").eventsTotal, 2);
  r.event({ user_id: "anon" });
  assert.equal(r.profile("anon").eventsTotal, 3 + limits.forwardsHeldMax);
  assert.equal(r.state("anon").merge!.waitsUntil, null);
});

Deno.test("events that wait go along when their id is merged again", () => {
  const r = parted();
  r.link("bob", "anon");
  // All but what comes back from ann: bob has anon before it.
  const others = () => r.waiting().findIndex((key) => !key.startsWith("ann\n"));
  while (others() !== -1) r.deliver(others());
  assert.equal(r.aliases.get("anon"), "bob");
  assert.equal(r.state("bob").merge!.aliases.get("anon")!.held.length, 1);
  assert.notEqual(r.state("bob").merge!.waitsUntil, null);
  r.settle();
  assert.deepEqual([sessionsOn(r), r.profile("bob").eventsTotal], [[1, 0, 0], 6]);
  assert.equal(r.state("bob").merge!.waitsUntil, null);
});

Deno.test("a session goes on with what came in time though it comes back after its silence", () => {
  const r = annAndAnon();
  r.link("ann", "anon");
  r.settle();
  r.pass(limits.sessionSilenceMs - 2);
  r.event({ user_id: "anon" });
  r.unlink("ann", "anon");
  while (r.state("anon").merge?.into !== undefined) r.deliver(1);
  r.pass(limits.sessionSilenceMs - 2);
  r.settle();
  assert.deepEqual([r.profile("anon").sessionsTotal, r.profile("anon").eventsTotal], [1, 3]);
});

Deno.test("an event of an alias that cannot be counted is parked, and those after it count", () => {
  const r = new PlayerRouter();
  r.link("ann", "anon");
  r.settle();
  for (let i = 0; i <= limits.gamesPerPlayerMax; i++) {
    r.event({ user_id: "anon", game_id: `g${i}` });
  }
  r.event({ user_id: "anon", game_id: "g0" });
  r.settle();
  assert.deepEqual(r.refused, ["too_many_games"]);
  assert.equal(r.profile("ann").eventsTotal, limits.gamesPerPlayerMax + 2);
});
