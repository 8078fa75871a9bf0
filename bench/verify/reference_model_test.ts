import assert from "node:assert/strict";
import { type ModelEvent, ReferenceModel } from "./reference_model.ts";

const MINUTE = 60_000;
const DAY = 86_400_000;
const start = Date.UTC(2026, 0, 10, 12);
let ids = 0;

/** An event of player `ann` in game `g`, session `s`, on 2026-01-10 at noon, unless said otherwise. */
function event(fields: Partial<ModelEvent> = {}): ModelEvent {
  return {
    event_id: `e-${++ids}`,
    event_type: "level.start",
    user_id: "ann",
    game_id: "g",
    session_id: "s",
    timestamp: start,
    received_at: start,
    properties: {},
    ...fields,
  };
}

/** Events without a session id. */
function implicit(fields: Partial<ModelEvent> = {}): ModelEvent {
  const { session_id: _, ...rest } = event(fields);
  return rest;
}

function modelOf(...events: ModelEvent[]): ReferenceModel {
  const model = new ReferenceModel();
  for (const e of events) model.apply(e);
  return model;
}

const day = (n: number) => new Date(start + n * DAY).toISOString().slice(0, 10);

Deno.test("ReferenceModel counts an id once per player, whatever its game, and once per other player", () => {
  const first = event({ event_id: "x" });
  const model = modelOf(first, first, event({ event_id: "x", user_id: "bob" }), {
    ...first,
    game_id: "other",
  });
  assert.equal(model.game("g")!.events, 2);
  assert.equal(model.game("other"), undefined);
  assert.equal(model.player("ann")!.events, 1);
  assert.equal(model.eventsTotal(), 2);
});

Deno.test("ReferenceModel puts an event on the UTC day of its timestamp", () => {
  const midnight = Date.UTC(2026, 0, 11);
  const { days } = modelOf(
    event({ timestamp: midnight - 1 }),
    event({ timestamp: midnight }),
    event({ timestamp: midnight + DAY - 1 }),
  ).game("g")!;
  assert.equal(days["2026-01-10"]!.events, 1);
  assert.equal(days["2026-01-11"]!.events, 2);
});

Deno.test("ReferenceModel's windows hold 1, 7 and 30 days and run on after the last event", () => {
  const { days } = modelOf(event()).game("g")!;
  const window = (metric: "dau" | "wau" | "mau") =>
    Object.entries(days).filter(([, d]) => d[metric] === 1).map(([date]) => date);
  const from0To = (n: number) => Array.from({ length: n + 1 }, (_, i) => day(i));
  assert.deepEqual(window("dau"), from0To(0));
  assert.deepEqual(window("wau"), from0To(6));
  assert.deepEqual(window("mau"), from0To(29));
});

Deno.test("ReferenceModel counts a returning player once in a window, late events into past days", () => {
  const { days } = modelOf(
    event(),
    event({ timestamp: start + 5 * DAY }),
    event({ timestamp: start + 3 * DAY }),
    event({ user_id: "bob", timestamp: start + 5 * DAY }),
  ).game("g")!;
  assert.deepEqual([0, 1, 5, 6, 11, 12].map((n) => days[day(n)]!.wau), [1, 1, 2, 2, 2, 0]);
  assert.deepEqual([3, 4, 5].map((n) => days[day(n)]!.dau), [1, 0, 2]);
  assert.equal(days[day(34)]!.mau, 2);
  assert.equal(days[day(-1)], undefined);
});

Deno.test("ReferenceModel takes the first applied event, not the earliest, for the cohort day", () => {
  const { days } = modelOf(event(), event({ timestamp: start - 2 * DAY })).game("g")!;
  assert.equal(days[day(0)]!.new_players, 1);
  assert.equal(days[day(-2)]!.new_players, 0);
  assert.equal(days[day(-2)]!.dau, 1);
});

Deno.test("ReferenceModel ends a session after 30 minutes without an arrival, not a moment before", () => {
  const at = (minutes: number, ms = 0) => event({ received_at: start + minutes * MINUTE + ms });
  assert.equal(modelOf(at(0), at(30, -1), at(59)).player("ann")!.sessions, 1);
  assert.equal(modelOf(at(0), at(30)).player("ann")!.sessions, 2);
});

Deno.test("ReferenceModel tells sessions apart by player, game and id", () => {
  const model = modelOf(
    event(),
    event({ session_id: "t" }),
    event({ game_id: "h" }),
    event({ user_id: "bob" }),
  );
  assert.equal(model.game("g")!.days[day(0)]!.sessions, 3);
  assert.equal(model.game("h")!.days[day(0)]!.sessions, 1);
  assert.equal(model.player("ann")!.sessions, 3);
});

Deno.test("ReferenceModel does not reopen or recount a named session that has ended", () => {
  const model = modelOf(
    event(),
    event({ event_type: "session.end" }),
    event({ received_at: start + 29 * MINUTE }),
  );
  assert.equal(model.player("ann")!.sessions, 1);
  assert.equal(model.ccu("g", start + 29 * MINUTE), 0);
  model.apply(event({ received_at: start + 60 * MINUTE }));
  assert.equal(model.player("ann")!.sessions, 2);
  assert.equal(model.ccu("g", start + 60 * MINUTE), 1);
});

Deno.test("ReferenceModel really ends an implicit session", () => {
  const model = modelOf(
    implicit(),
    implicit({ event_type: "session.end" }),
    implicit({ timestamp: start + DAY }),
  );
  const { days } = model.game("g")!;
  assert.deepEqual([days[day(0)]!.sessions, days[day(1)]!.sessions], [1, 1]);
  assert.equal(model.ccu("g", start), 1);
});

Deno.test("ReferenceModel's CCU is the open sessions that were heard of within 30 minutes", () => {
  const model = modelOf(event(), event({ session_id: "t", received_at: start + 10 * MINUTE }));
  assert.equal(model.ccu("g", start + 10 * MINUTE), 2);
  assert.equal(model.ccu("g", start + 30 * MINUTE), 1);
  assert.equal(model.ccu("g", start + 40 * MINUTE), 0);
});

Deno.test("ReferenceModel adds purchases by currency and day, and counts payers once a day", () => {
  const buy = (amount: number, currency: string, timestamp = start, user_id = "ann") =>
    event({ event_type: "purchase", properties: { amount, currency }, timestamp, user_id });
  const model = modelOf(
    buy(499, "USD"),
    buy(100, "USD"),
    buy(120, "JPY"),
    buy(5, "USD", start, "bob"),
    buy(7, "USD", start + DAY),
  );
  const { days, revenue } = model.game("g")!;
  assert.deepEqual(revenue, { USD: 611, JPY: 120 });
  assert.deepEqual(days[day(0)]!.revenue, { USD: 604, JPY: 120 });
  assert.deepEqual([days[day(0)]!.payers, days[day(1)]!.payers, days[day(2)]!.payers], [2, 1, 0]);
  assert.deepEqual(model.player("ann")!.revenue, { USD: 606, JPY: 120 });
});

Deno.test("ReferenceModel keeps a player's level, span and play time over all games", () => {
  const model = modelOf(
    event({ properties: { level: 4 } }),
    event({ properties: { level: 9 }, event_type: "shop.view" }),
    event({ timestamp: start - 5000, game_id: "h", properties: { level: 2 } }),
    event({ timestamp: start + 7000, game_id: "h" }),
    event({ timestamp: start + 3000 }),
  );
  const { level, first_seen, last_seen, play_ms, event_counts } = model.player("ann")!;
  assert.deepEqual([level, first_seen, last_seen], [4, start - 5000, start + 7000]);
  assert.equal(play_ms, 12_000 + 3_000);
  assert.deepEqual(event_counts, { "level.start": 4, "shop.view": 1 });
});

Deno.test("ReferenceModel counts linked ids as one player, and as several when that is undone", () => {
  const buy = { event_type: "purchase", properties: { amount: 5, currency: "USD" } };
  const model = modelOf(
    event({ user_id: "anon", timestamp: start - DAY, received_at: start, ...buy }),
    event({ user_id: "ann", received_at: start + 1, ...buy }),
    event({ user_id: "ann", received_at: start + 2, timestamp: start - DAY, ...buy }),
    event({ user_id: "bob", received_at: start + 3 }),
  );
  const figures = () => {
    const { days } = model.game("g")!;
    return [day(-1), day(0)].map((d) => {
      const { dau, payers, new_players, wau, events } = days[d]!;
      return { dau, payers, new_players, wau, events };
    });
  };
  const apart = figures();
  assert.deepEqual(apart, [
    { dau: 2, payers: 2, new_players: 1, wau: 2, events: 2 },
    { dau: 2, payers: 1, new_players: 2, wau: 3, events: 2 },
  ]);
  model.link("anon", "ann");
  assert.deepEqual(model.playerIds(), ["ann", "bob"]);
  assert.deepEqual(figures(), [
    { dau: 1, payers: 1, new_players: 1, wau: 1, events: 2 },
    { dau: 2, payers: 1, new_players: 1, wau: 2, events: 2 },
  ]);
  assert.equal(model.player("anon")!.revenue["USD"], 15);
  assert.deepEqual(model.player("anon"), model.player("ann"));
  // The whole of ann, with who she was.
  model.link("ann", "bob");
  assert.deepEqual([model.playerIds(), model.player("bob")!.events], [["bob"], 4]);
  model.unlink("anon");
  model.unlink("ann");
  assert.deepEqual(figures(), apart);
});
