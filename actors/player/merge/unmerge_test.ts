import assert from "node:assert/strict";
import { annAndAnon, dayOf, onDay } from "../../testing/ann_and_anon.ts";
import { today } from "../../testing/player_harness.ts";
import { PlayerRouter } from "../../testing/player_router.ts";

Deno.test("undone, both are players of their own, with all that came meanwhile", () => {
  const r = annAndAnon();
  const before = [today - 1, today, today + 1].map((d) => dayOf(r, d));
  r.link("ann", "anon");
  r.settle();
  r.event({ user_id: "anon", event_id: "meanwhile", ...onDay(today - 1) });
  r.settle();
  r.unlink("ann", "anon");
  r.settle();
  const after = [today - 1, today, today + 1].map((d) => dayOf(r, d));
  before[0]!["events"]!++;
  // The link itself is an event of ann's.
  before[1]!["events"]!++;
  assert.deepEqual(after, before);
  assert.deepEqual([...r.aliases], []);
  assert.equal(r.profile("anon").eventsTotal, 3);
  assert.equal(r.event({ user_id: "anon", event_id: "meanwhile" }), false, "it is known still");
  assert.equal(r.event({ user_id: "anon" }), true);
  assert.equal(r.profile("anon").eventsTotal, 4);
});

Deno.test("what was on its way when a merge was undone comes back and counts once", () => {
  const r = annAndAnon();
  r.link("ann", "anon");
  r.settle();
  r.event({ user_id: "anon", event_id: "x" });
  r.unlink("ann", "anon");
  r.event({ user_id: "anon", event_id: "x" });
  r.settle(20);
  assert.deepEqual([r.profile("anon").eventsTotal, r.profile("ann").eventsTotal], [3, 3]);
  assert.equal(dayOf(r, today)["events"], 4);
});

Deno.test("an alias goes back with those it had brought; those can go alone", () => {
  const chain = () => {
    const r = new PlayerRouter();
    for (const user_id of ["a", "b", "c"]) r.event({ user_id });
    r.link("b", "a");
    r.settle();
    r.link("c", "b");
    r.settle();
    return r;
  };
  const whole = chain();
  whole.unlink("c", "b");
  whole.settle();
  assert.deepEqual([...whole.aliases], [["a", "b"]]);
  whole.event({ user_id: "a" });
  whole.settle();
  assert.deepEqual([whole.profile("b").eventsTotal, whole.profile("c").eventsTotal], [4, 2]);

  const alone = chain();
  // An alias passes it on to who holds it.
  alone.unlink("a", "a");
  alone.settle();
  assert.deepEqual([...alone.aliases], [["b", "c"]]);
  assert.deepEqual([alone.profile("a").eventsTotal, alone.profile("c").eventsTotal], [1, 4]);
});

Deno.test("what was on its way through an alias that goes back stops where its alias is held", () => {
  const r = new PlayerRouter();
  for (const user_id of ["a", "b", "c"]) r.event({ user_id });
  r.link("b", "a");
  r.settle();
  r.link("c", "b");
  r.settle();
  r.event({ user_id: "a" });
  r.deliver();
  r.unlink("c", "b");
  r.settle(10);
  assert.deepEqual([r.profile("b").eventsTotal, r.profile("c").eventsTotal], [4, 2]);
});

Deno.test("an alias that is merged again elsewhere passes on what comes back to it", () => {
  const r = annAndAnon();
  r.link("ann", "anon");
  r.settle();
  r.event({ user_id: "anon" });
  r.unlink("ann", "anon");
  // The event is still on its way to ann when bob has the alias already.
  while (r.state("anon").merge?.into !== undefined) r.deliver(1);
  r.link("bob", "anon");
  r.settle(40);
  assert.deepEqual([...r.aliases], [["anon", "bob"]]);
  assert.deepEqual([r.profile("ann").eventsTotal, r.profile("bob").eventsTotal], [3, 4]);
});

Deno.test("unlink() of what is no alias changes nothing", () => {
  const r = annAndAnon();
  r.unlink("ann", "anon");
  r.settle();
  assert.equal(r.delivered, 1, "it is asked itself");
  assert.deepEqual([r.state("ann").merge, r.state("anon").merge], [undefined, undefined]);
});

Deno.test("an alias that has gone with another is given back where it is now, whatever comes first", () => {
  for (let order = 0; order < 256; order++) {
    const r = new PlayerRouter();
    for (const user_id of ["a", "b", "c"]) r.event({ user_id });
    r.link("b", "a");
    r.settle();
    r.link("c", "b");
    r.settle();
    r.unlink("c", "b");
    r.unlink("c", "a");
    for (let i = 0, bits = order; r.deliver(bits & 1); i++, bits >>= 1) assert.ok(i < 20);
    assert.deepEqual([...r.aliases], []);
    assert.deepEqual(["a", "b", "c"].map((id) => r.profile(id).eventsTotal), [1, 2, 2]);
  }
});

Deno.test("an undo finds its alias whomever it is asked of", () => {
  const r = annAndAnon();
  r.link("ann", "anon");
  r.link("bob", "bobby");
  r.settle();
  r.unlink("bobby", "anon");
  r.settle(10);
  assert.deepEqual([...r.aliases], [["bobby", "bob"]]);
});

Deno.test("who asks for an id again before he gave it back gets it when it is back", () => {
  const r = new PlayerRouter();
  for (const user_id of ["a", "b", "c"]) r.event({ user_id });
  r.link("b", "a");
  r.settle();
  r.link("c", "b");
  r.settle();
  r.unlink("c", "a");
  r.unlink("c", "b");
  // B is himself again and asks for A, who is not told yet that he is none of B's.
  const first = (from: string, to: string) => r.deliver(r.waiting().indexOf(`${from}\n${to}`));
  first("c", "b");
  r.link("b", "a");
  first("b", "a");
  r.settle();
  assert.deepEqual([...r.aliases], [["a", "b"]]);
  assert.deepEqual(r.state("b").merge!.asks, []);
});
