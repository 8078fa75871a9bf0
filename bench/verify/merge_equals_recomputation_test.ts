/**
 * Players who turn out to be one, and are parted again, while their messages overtake those of others:
 * once all is quiet, what their games were told is what a plain recomputation finds over who is who.
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import { isBehind } from "../../actors/player/merge/line.ts";
import { PlayerRouter } from "../../actors/testing/player_router.ts";
import { dayText, type PlayerEvent } from "../../schema/event.ts";
import { DAY_MS, limits } from "../../schema/limits.ts";
import { type DayFigures, differences } from "./figures.ts";
import { ReferenceModel } from "./reference_model.ts";

const users = ["a", "b", "c", "d", "e", "f"];
const games = ["g", "h"];
const day0 = 20_460;

type Step =
  | { readonly do: "event"; readonly fields: Partial<PlayerEvent> & { user_id: string } }
  | { readonly do: "again"; readonly nth: number }
  | { readonly do: "link" | "unlink"; readonly user: string; readonly alias: string }
  | { readonly do: "deliver"; readonly choices: readonly number[] }
  | { readonly do: "pass"; readonly ms: number }
  | { readonly do: "passivate" | "halt" | "restart"; readonly user: string };

const user = fc.constantFrom(...users);

const event: fc.Arbitrary<Step> = fc.record({
  user_id: user,
  game_id: fc.constantFrom(...games),
  session: fc.nat({ max: 3 }),
  day: fc.nat({ max: 45 }),
  kind: fc.constantFrom("level.start", "purchase", "purchase", "session.end", "custom"),
  score: fc.nat({ max: 50 }),
  amount: fc.nat({ max: 900 }),
}).map(({ user_id, game_id, session, day, kind, score, amount }) => {
  const fields = {
    user_id,
    game_id,
    event_type: kind,
    session_id: session < 3 ? `s${session}` : undefined,
    timestamp: (day0 + day) * DAY_MS + score,
    properties: kind === "purchase"
      ? { amount, currency: amount % 3 === 0 ? "EUR" : "USD" }
      : { score, level: score },
  };
  return { do: "event", fields } as unknown as Step;
});

const link: fc.Arbitrary<Step> = fc.record({ do: fc.constant("link" as const), user, alias: user });
const unlink: fc.Arbitrary<Step> = fc.record({
  do: fc.constant("unlink" as const),
  user,
  alias: user,
});
const deliver: fc.Arbitrary<Step> = fc.record({
  do: fc.constant("deliver" as const),
  choices: fc.array(fc.nat({ max: 40 }), { maxLength: 6 }),
});
const again: fc.Arbitrary<Step> = fc.record({
  do: fc.constant("again" as const),
  nth: fc.nat({ max: 500 }),
});
const passivate: fc.Arbitrary<Step> = fc.record({ do: fc.constant("passivate" as const), user });
const silence = (most: number): fc.Arbitrary<Step> =>
  fc.record({ do: fc.constant("pass" as const), ms: fc.nat({ max: most }) });
const trouble: fc.Arbitrary<Step> = fc.record({
  do: fc.constantFrom("halt" as const, "restart" as const),
  user,
});

/** The model applies what has no session id as such. */
function modelEvent({ event, at }: { event: PlayerEvent; at: number }) {
  const { session_id, ...rest } = event;
  const named = session_id === undefined ? rest : { ...rest, session_id };
  return { ...named, received_at: at };
}

/** What comes back as a merge was undone is waited for a minute: it takes no longer here. */
function pass(r: PlayerRouter, ms: number): void {
  const isAwaited = [...r.players.values()].some(({ merge }) =>
    merge !== undefined && (isBehind(merge) || merge.waitsUntil !== null)
  );
  if (isAwaited) r.settle();
  r.pass(ms);
}

function live(steps: readonly Step[]): PlayerRouter {
  const r = new PlayerRouter();
  for (const step of steps) {
    // Who is in which cohort is said by the arrival of the first event, to the millisecond.
    if (step.do === "event") r.pass(1);
    if (step.do === "event") r.event(step.fields);
    else if (step.do === "again") {
      const known = r.applied[step.nth % Math.max(1, r.applied.length)];
      // One that stands still counts nothing; what it knows is parked again, and known then.
      if (known !== undefined) assert.equal(r.receive(known.event), false, "counted twice");
    } else if (step.do === "link") r.link(step.user, step.alias);
    else if (step.do === "unlink") r.unlink(step.user, step.alias);
    else if (step.do === "deliver") { for (const choice of step.choices) r.deliver(choice); }
    else if (step.do === "pass") pass(r, step.ms);
    else if (step.do === "passivate") r.passivate(step.user);
    else if (step.do === "halt") r.halted.add(step.user);
    else r.restart(step.user);
  }
  // What is sent again may be for somebody who stands still.
  for (const id of users) r.restart(id);
  r.settle(steps.length * 60 + 500);
  // Timers that became due by what came late.
  r.pass(0);
  assert.deepEqual(r.parked, []);
  return r;
}

/** Everybody's last word is who the store says he is. */
function checkRows(r: PlayerRouter): void {
  for (const id of users) {
    let last = id;
    for (let hops = 0; r.state(last).merge?.into !== undefined; hops++) {
      assert.ok(hops <= limits.aliasesPerPlayerMax, `${id} is nobody in the end`);
      last = r.state(last).merge!.into!;
    }
    assert.equal(r.aliases.get(id) ?? id, last, `${id} in the store`);
    const { aliases, asks = [], waiting = [], held = [] } = r.state(id).merge ?? {};
    const expected = [...r.aliases].filter(([, player]) => player === id).map(([alias]) => alias);
    assert.deepEqual([...aliases?.keys() ?? []].sort(), expected.sort(), `aliases of ${id}`);
    assert.deepEqual([asks, waiting, held], [[], [], []], `${id} waits for something`);
  }
}

function checkFigures(r: PlayerRouter): void {
  const model = new ReferenceModel();
  for (const applied of r.applied) model.apply(modelEvent(applied));
  for (const [alias, player] of r.aliases) model.link(alias, player);
  for (const gameId of model.gameIds()) {
    const expected = model.game(gameId)!;
    const state = r.games.get(`demo/${gameId}`)!;
    const days: Record<string, unknown> = {};
    for (const text of Object.keys(expected.days)) {
      const row = r.day(gameId, Date.parse(text) / DAY_MS);
      days[text] = dayFigures(row);
    }
    const actual = {
      events: state.events,
      event_counts: nonZero(Object.fromEntries(state.counts)),
      revenue: Object.fromEntries(state.revenue),
      days,
    };
    assert.deepEqual(differences(expected, actual), [], gameId);
    const outside = [...state.days].filter(([day]) => !(dayText(day) in expected.days));
    for (const [day, row] of outside) assert.deepEqual(nonZero(row), {}, dayText(day));
    assert.equal(state.ccu, model.ccu(gameId, r.now), `ccu of ${gameId}`);
    assert.deepEqual(r.board(gameId), bestScores(r, gameId), `leaderboard of ${gameId}`);
  }
  for (const id of model.playerIds()) {
    const profile = r.profile(id);
    const actual = {
      events: profile.eventsTotal,
      sessions: profile.sessionsTotal,
      event_counts: profile.eventCounts,
      revenue: profile.revenueMinor,
      level: profile.level,
      first_seen: profile.firstSeen,
      last_seen: profile.lastSeen,
      play_ms: Math.round(profile.playSeconds * 1000),
    };
    assert.deepEqual(differences(model.player(id), actual), [], `player ${id}`);
  }
}

function nonZero(row: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(Object.entries(row).filter(([, n]) => n !== 0));
}

function dayFigures(row: Readonly<Record<string, number>>): DayFigures {
  const { events = 0, dau = 0, wau = 0, mau = 0, new_players = 0, sessions = 0, payers = 0 } = row;
  const revenue = Object.entries(row).filter(([name]) => name.startsWith("revenue:"))
    .map(([name, sum]) => [name.slice("revenue:".length), sum]);
  return {
    events,
    dau,
    wau,
    mau,
    new_players,
    sessions,
    payers,
    revenue: Object.fromEntries(revenue),
  };
}

/** The best of each player, whichever of his ids it was. */
function bestScores(r: PlayerRouter, gameId: string): [string, number][] {
  const best = new Map<string, number>();
  for (const { event } of r.applied) {
    const { score } = event.properties;
    if (event.game_id !== gameId || typeof score !== "number") continue;
    const player = r.aliases.get(event.user_id) ?? event.user_id;
    best.set(player, Math.max(best.get(player) ?? score, score));
  }
  return [...best].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
}

function check(steps: readonly Step[]): void {
  const r = live(steps);
  checkRows(r);
  checkFigures(r);
}

const numRuns = 300;

Deno.test("merged players' figures equal a recomputation, with links and undos in any order", () => {
  const step = fc.oneof(
    { weight: 8, arbitrary: event },
    { weight: 3, arbitrary: link },
    { weight: 2, arbitrary: unlink },
    { weight: 8, arbitrary: deliver },
    { weight: 2, arbitrary: again },
    { weight: 1, arbitrary: passivate },
    { weight: 2, arbitrary: silence(1000) },
  );
  fc.assert(fc.property(fc.array(step, { maxLength: 120, size: "max" }), check), { numRuns });
});

Deno.test("merged players' figures equal a recomputation, with silence while messages are on their way", () => {
  const step = fc.oneof(
    { weight: 8, arbitrary: event },
    { weight: 3, arbitrary: link },
    { weight: 2, arbitrary: unlink },
    { weight: 6, arbitrary: deliver },
    { weight: 2, arbitrary: again },
    { weight: 1, arbitrary: passivate },
    { weight: 2, arbitrary: silence(40 * 60_000) },
  );
  fc.assert(fc.property(fc.array(step, { maxLength: 120, size: "max" }), check), { numRuns });
});

Deno.test("merged players' figures equal a recomputation, with players who stand still for a while", () => {
  const step = fc.oneof(
    { weight: 8, arbitrary: event },
    { weight: 4, arbitrary: link },
    { weight: 1, arbitrary: unlink },
    { weight: 8, arbitrary: deliver },
    { weight: 3, arbitrary: trouble },
    { weight: 2, arbitrary: silence(1000) },
  );
  fc.assert(fc.property(fc.array(step, { maxLength: 120, size: "max" }), check), { numRuns });
});
