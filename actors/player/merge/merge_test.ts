import assert from "node:assert/strict";
import { limits } from "../../../schema/limits.ts";
import { annAndAnon, dayOf, onDay, purchase } from "../../testing/ann_and_anon.ts";
import { today } from "../../testing/player_harness.ts";
import { PlayerRouter } from "../../testing/player_router.ts";

Deno.test("a link makes two ids one player: distinct counts shrink, sums stay", () => {
  const r = annAndAnon();
  assert.deepEqual([dayOf(r, today)["dau"], dayOf(r, today)["payers"]], [2, 2]);
  r.link("ann", "anon");
  r.settle();
  assert.deepEqual(dayOf(r, today), {
    events: 3,
    dau: 1,
    wau: 1,
    mau: 1,
    sessions: 1,
    payers: 1,
    "revenue:USD": 57,
  });
  assert.equal(dayOf(r, today - 1)["new_players"], 1);
  assert.deepEqual([...r.aliases], [["anon", "ann"]]);
  const { eventsTotal, revenueMinor, aliases, mergedInto } = r.profile("ann");
  assert.deepEqual([eventsTotal, revenueMinor, aliases, mergedInto], [
    5,
    { USD: 157 },
    ["anon"],
    undefined,
  ]);
  const anon = r.profile("anon");
  assert.deepEqual([anon.eventsTotal, anon.mergedInto, anon.firstSeen], [0, "ann", 0]);
});

Deno.test("an alias passes on each event once, and it counts for the player", () => {
  const r = annAndAnon();
  r.link("ann", "anon");
  r.settle();
  for (let i = 0; i < 2; i++) {
    r.event({ user_id: "anon", event_id: "later", ...onDay(today + 1), ...purchase(1) });
    r.settle();
  }
  assert.deepEqual([dayOf(r, today + 1)["dau"], dayOf(r, today + 1)["payers"]], [1, 1]);
  assert.equal(dayOf(r, today + 1)["revenue:USD"], 1);
  assert.equal(r.profile("ann").eventsTotal, 6);
  // What counted before the merge still counts once after it.
  const known = r.applied.find(({ event }) => event.user_id === "anon")!.event;
  assert.equal(r.receive(known), false);
});

Deno.test("a link of an alias, of oneself or of nonsense changes nothing else", () => {
  const r = annAndAnon();
  r.link("ann", "anon");
  r.settle();
  const { delivered } = r;
  r.link("ann", "anon");
  r.link("ann", "ann");
  r.link("anon", "ann");
  for (const previous_id of ["", 7, null, "x".repeat(129), "a\nb", "\ud800"]) {
    r.event({ user_id: "ann", event_type: "alias", properties: { previous_id } });
  }
  r.settle();
  assert.equal(r.delivered, delivered + 1, "the alias' own event alone");
  assert.deepEqual([r.refused, [...r.aliases]], [[], [["anon", "ann"]]]);
});

Deno.test("identify links as alias does", () => {
  const r = annAndAnon();
  r.event({ user_id: "ann", event_type: "identify", properties: { anonymous_id: "anon" } });
  r.settle();
  assert.deepEqual([...r.aliases], [["anon", "ann"]]);
});

Deno.test("an id that was never seen can become an alias; its first event counts for the player", () => {
  const r = new PlayerRouter();
  r.link("ann", "anon");
  r.settle();
  r.event({ user_id: "anon", game_id: "h" });
  r.settle();
  assert.deepEqual([r.profile("ann").eventsTotal, dayOf(r, today, "h")["new_players"]], [2, 1]);
});

Deno.test("the cohort is that of the id whose first event arrived first", () => {
  const r = new PlayerRouter();
  r.event({ user_id: "ann", ...onDay(today - 9) });
  r.now++;
  r.event({ user_id: "anon", ...onDay(today - 20) });
  r.link("ann", "anon");
  r.settle();
  assert.equal(dayOf(r, today - 9)["new_players"], 1);
  assert.equal(dayOf(r, today - 20)["new_players"], undefined);
  r.unlink("ann", "anon");
  r.settle();
  assert.equal(dayOf(r, today - 20)["new_players"], 1);
});

Deno.test("a leaderboard has the player's best once; undone, everybody's own", () => {
  const r = new PlayerRouter();
  const score = (user_id: string, score: number) => r.event({ user_id, properties: { score } });
  score("anon", 50);
  score("ann", 30);
  r.link("ann", "anon");
  r.settle();
  assert.deepEqual(r.board("g"), [["ann", 50]]);
  score("anon", 60);
  score("ann", 40);
  r.settle();
  assert.deepEqual(r.board("g"), [["ann", 60]]);
  r.unlink("ann", "anon");
  r.settle();
  assert.deepEqual(r.board("g"), [["anon", 60], ["ann", 40]]);
});

Deno.test("sessions stay with their ids, and fall silent by the player's timer", () => {
  const r = annAndAnon();
  const ccu = () => r.games.get("demo/g")!.ccu;
  r.link("ann", "anon");
  r.settle();
  assert.deepEqual([ccu(), r.state("anon").timerDueAt], [2, null]);
  r.pass(limits.sessionSilenceMs - 2);
  r.event({ user_id: "anon", session_id: "s" });
  r.settle();
  r.pass(2);
  assert.equal(ccu(), 1, "ann's is silent");
  r.pass(limits.sessionSilenceMs);
  assert.deepEqual([ccu(), r.profile("ann").sessionsTotal], [0, 2]);
});

Deno.test("an event that came in time and was passed on late goes on with its session", () => {
  const r = annAndAnon();
  r.link("ann", "anon");
  r.settle();
  r.pass(limits.sessionSilenceMs - 2);
  r.event({ user_id: "anon", session_id: "s" });
  r.pass(limits.sessionSilenceMs - 1);
  assert.equal(r.games.get("demo/g")!.ccu, 0, "nothing has come for an hour, it seems");
  r.settle();
  assert.deepEqual([r.games.get("demo/g")!.ccu, r.profile("ann").sessionsTotal], [1, 2]);
  r.pass(1);
  assert.equal(r.games.get("demo/g")!.ccu, 0);
});

Deno.test("two who link each other at once become one, whatever comes first", () => {
  for (let order = 0; order < 64; order++) {
    const r = annAndAnon();
    r.link("ann", "anon");
    r.link("anon", "ann");
    for (let i = 0, bits = order; r.deliver(bits & 1); i++, bits >>= 1) assert.ok(i < 30);
    assert.equal(r.aliases.size, 1);
    assert.deepEqual([dayOf(r, today)["dau"], r.refused], [1, []]);
    assert.deepEqual([...r.players.values()].map(({ merge }) => merge?.asks), [[], []]);
  }
});

Deno.test("three who link each other in a circle become one, whatever comes first", () => {
  for (let order = 0; order < 3 ** 6; order++) {
    const r = new PlayerRouter();
    for (const user_id of ["a", "b", "c"]) r.event({ user_id });
    r.link("a", "b");
    r.link("b", "c");
    r.link("c", "a");
    for (let i = 0, trits = order; r.deliver(trits % 3); i++, trits = Math.floor(trits / 3)) {
      assert.ok(i < 60);
    }
    assert.deepEqual([r.aliases.size, dayOf(r, today)["dau"], r.refused], [2, 1, []]);
    assert.equal(new Set(r.aliases.values()).size, 1, "rows name who it is in the end");
    r.event({ user_id: "a" });
    r.event({ user_id: "b" });
    r.event({ user_id: "c" });
    r.settle(100);
    const [player] = r.aliases.values();
    assert.equal(r.profile(player!).eventsTotal, 9);
  }
});

Deno.test("a chain of links goes up to who it is in the end", () => {
  const r = new PlayerRouter();
  for (const user_id of ["a", "b", "c"]) r.event({ user_id });
  r.link("b", "a");
  r.settle();
  r.link("c", "b");
  r.settle();
  assert.deepEqual([...r.aliases], [["a", "c"], ["b", "c"]]);
  r.event({ user_id: "a" });
  r.settle();
  assert.deepEqual(r.profile("c").aliases, ["a", "b"]);
  assert.equal(r.profile("c").eventsTotal, 6);
  assert.equal(r.profile("a").mergedInto, "b");
});

Deno.test("an id that is somebody's alias is refused to others", () => {
  const r = annAndAnon();
  r.link("ann", "anon");
  r.link("bob", "anon");
  r.settle();
  assert.equal(r.refused.length, 1);
  assert.equal(r.refused[0], "merge_merged_elsewhere");
  assert.equal(r.aliases.size, 1);
});

Deno.test("a player has 16 aliases at most, those that come with one included", () => {
  const r = new PlayerRouter();
  const max = limits.aliasesPerPlayerMax;
  for (let i = 0; i < max - 1; i++) r.link("ann", `a${i}`);
  r.link("bob", "b0");
  r.settle();
  r.link("ann", "bob");
  r.settle();
  assert.deepEqual([r.refused, r.aliases.size], [["merge_too_many_aliases"], max]);
  r.link("ann", "a15");
  r.link("ann", "a16");
  r.settle();
  assert.deepEqual(r.refused, ["merge_too_many_aliases", "merge_too_many_aliases"]);
  assert.equal(r.profile("ann").aliases!.length, max);
  r.unlink("ann", "a3");
  r.link("ann", "a16");
  r.settle();
  assert.equal(r.profile("ann").aliases!.length, max);
});

Deno.test("a player too large for a record of the log is refused, and goes on", () => {
  const r = new PlayerRouter();
  for (let i = 0; i < 200; i++) {
    for (let n = 0; n < 40; n++) {
      r.event({ user_id: "big", game_id: `g${i}`, event_type: `a.type.with.a.long.name.${n}` });
    }
  }
  r.link("ann", "big");
  r.settle();
  assert.deepEqual([r.refused, r.aliases.size], [["merge_too_large"], 0]);
  assert.equal(r.profile("big").eventsTotal, 8000);
  assert.equal(dayOf(r, today, "g7")["dau"], 1);
});

Deno.test("the largest that may be merged fits a record of the log, with 16 aliases", () => {
  const r = new PlayerRouter();
  for (let i = 0; i < 16; i++) {
    for (let n = 0; n < 200; n++) {
      r.event({
        user_id: `a${i}`,
        game_id: `g${n % 4}`,
        event_type: `type.${n % 20}`,
        ...onDay(today - n % 60),
      });
    }
    if (i > 0) r.link("a0", `a${i}`);
  }
  r.settle();
  r.link("ann", "a0");
  const keys = () => [...r.queues.values()].flat().map((event) => JSON.stringify(event).length);
  let largest = 0;
  for (; r.deliver();) largest = Math.max(largest, ...keys());
  assert.equal(r.profile("ann").aliases!.length, 16);
  assert.ok(largest > 20_000 && largest < limits.mergeCharsMax, `${largest} characters`);
  r.passivate("ann");
  assert.equal(r.profile("ann").eventsTotal, 16 * 200 + 16);
});

Deno.test("who stands still is refused, and what was handed to him goes back", () => {
  const asked = annAndAnon();
  asked.halted.add("anon");
  asked.link("ann", "anon");
  asked.settle(10);
  assert.deepEqual([asked.refused, asked.aliases.size], [["merge_halted"], 0]);
  assert.equal(asked.state("ann").merge, undefined);

  const asking = annAndAnon();
  asking.link("ann", "anon");
  asking.deliver();
  asking.halted.add("ann");
  asking.event({ user_id: "anon", event_id: "meanwhile" });
  asking.settle(10);
  assert.equal(asking.profile("anon").eventsTotal, 2, "the event waits for ann's restart");
  asking.restart("ann");
  asking.settle(10);
  assert.deepEqual([asking.profile("anon").eventsTotal, asking.aliases.size], [3, 0]);
  assert.deepEqual([asking.refused, asking.state("ann").merge], [["merge_halted"], undefined]);
  asking.link("ann", "anon");
  asking.settle(10);
  assert.equal(asking.profile("ann").eventsTotal, 7);
});
