import assert from "node:assert/strict";
import fc from "fast-check";
import { dayText } from "../../schema/event.ts";
import type { DayMetrics, GameAnswers, GameQuery } from "../../schema/queries/game_queries.ts";
import { limits } from "../../schema/limits.ts";
import type { Part } from "../kernel/behaviour.ts";
import { gameMessage } from "../testing/game_arbitrary.ts";
import { hostileNames } from "../testing/player_arbitrary.ts";
import { noon, today } from "../testing/player_harness.ts";
import { game } from "./game.ts";
import type { GameDelta } from "./game_deltas.ts";
import type { GameState } from "./game_state.ts";

const actorId = "demo/g";
const ctx = { actorId, now: noon, partition: 0, offset: 0 };

const delta = (fields: Partial<GameDelta>): GameDelta => (
  { totals: {}, days: {}, scores: {}, ...fields }
);

function send(state: GameState, fields: Partial<GameDelta>, at = noon): void {
  assert.deepEqual(game.receive(state, { at, delta: delta(fields) }, ctx), []);
}

function ask<Q extends GameQuery>(state: GameState, query: Q, now = noon): GameAnswers[Q["type"]] {
  const answer = game.ask(state, query, { actorId, now, version: "0:0" });
  return answer as GameAnswers[Q["type"]];
}

const totals = (state: GameState, now = noon) => ask(state, { type: "totals" }, now);
const body = (state: GameState) => JSON.stringify(game.describe(state));

const emptyDay = (day: number): DayMetrics => ({
  day,
  events: 0,
  dau: 0,
  wau: 0,
  mau: 0,
  newPlayers: 0,
  sessions: 0,
  revenueMinor: {},
  payers: 0,
});

Deno.test("game.receive() adds up what players tell", () => {
  const state = game.create(actorId);
  const row = { events: 3, dau: 2, wau: 2, mau: 2, new_players: 1, sessions: 2, payers: 1 };
  send(state, {
    totals: { "ccu": 2, "type:purchase": 3 },
    days: { [today]: { ...row, "revenue:USD": 499 }, [today + 1]: { wau: 2, mau: 2 } },
  });
  send(state, {
    totals: { ccu: -1 },
    days: { [today]: { "events": 1, "revenue:EUR": 5, "revenue:USD": 1 } },
  });
  const day = {
    ...emptyDay(today),
    events: 4,
    dau: 2,
    wau: 2,
    mau: 2,
    newPlayers: 1,
    sessions: 2,
    revenueMinor: { USD: 500, EUR: 5 },
    payers: 1,
  };
  assert.deepEqual(totals(state), {
    id: "g",
    eventsTotal: 4,
    eventsPerSecond: 0,
    ccu: 1,
    today: day,
    revenueMinor: { USD: 500, EUR: 5 },
    eventCounts: { purchase: 3 },
  });
  assert.deepEqual(ask(state, { type: "days", from: today - 1, to: today + 1 }), [
    emptyDay(today - 1),
    day,
    { ...emptyDay(today + 1), wau: 2, mau: 2 },
  ]);
});

Deno.test("game answers about today by the time of the question", () => {
  const state = game.create(actorId);
  send(state, { days: { [today]: { events: 1, dau: 1 } } });
  assert.equal(totals(state, noon + 12 * 3_600_000 - 1).today.dau, 1);
  assert.deepEqual(totals(state, noon + 12 * 3_600_000).today, emptyDay(today + 1));
});

Deno.test("game gives the mean of the last 10 full seconds by arrival", () => {
  const state = game.create(actorId);
  const at = (second: number, events: number) =>
    send(state, { days: { [today]: { events } } }, noon + second * 1000);
  at(0, 100);
  at(0.5, 20);
  at(3, 40);
  const rate = (second: number) => totals(state, noon + second * 1000).eventsPerSecond;
  assert.equal(rate(0.9), 0, "the second is not over");
  assert.equal(rate(1), 12);
  assert.equal(rate(4), 16);
  assert.equal(rate(10.9), 16);
  assert.equal(rate(11), 4);
  assert.equal(rate(14), 0);
});

Deno.test("game takes batches a little out of order into its rate, and keeps no older second", () => {
  const state = game.create(actorId);
  const at = (second: number, events: number) =>
    send(state, { days: { [today]: { events } } }, noon + second * 1000);
  at(5, 10);
  at(4, 30);
  assert.equal(totals(state, noon + 6000).eventsPerSecond, 4);
  at(60, 1);
  at(30, 7);
  assert.deepEqual(state.rate, [[Math.floor(noon / 1000) + 60, 1]]);
  for (let second = 0; second < 100; second++) at(100 + second, 1);
  assert.ok(state.rate.length <= 11);
  assert.equal(state.events, 148, "all of them were counted");
});

Deno.test("game ranks its players and keeps at most 32 boards", () => {
  const state = game.create(actorId);
  send(state, { scores: { score: { ann: 5, bob: 7 } } });
  send(state, { scores: { score: { ann: 9, bob: 1 } } });
  const board = (name: string) =>
    ask(state, { type: "leaderboard", board: name, first: 10, offset: 0 });
  assert.deepEqual(board("score").entries.map((e) => [e.rank, e.userId, e.score]), [
    [1, "ann", 9],
    [2, "bob", 7],
  ]);
  assert.deepEqual(board("nobody"), { entries: [], hasNextPage: false });
  for (let i = 0; i < limits.leaderboardsPerGameMax; i++) {
    send(state, { scores: { [`b${i}`]: { ann: 1 } } });
  }
  assert.equal(state.boards.size, limits.leaderboardsPerGameMax);
  assert.equal(board("b31").entries.length, 0);
});

Deno.test("game counts types beyond 256 together", () => {
  const state = game.create(actorId);
  for (let i = 0; i < limits.eventTypesPerActorMax + 3; i++) {
    send(state, { totals: { [`type:t${i}`]: 2 } });
  }
  send(state, { totals: { "type:t0": 1 } });
  const { eventCounts } = totals(state);
  assert.equal(eventCounts["t0"], 3);
  assert.equal(eventCounts["(other)"], 6);
  assert.equal(Object.keys(eventCounts).length, limits.eventTypesPerActorMax + 1);
});

Deno.test("game.snapshot() gives the changed parts, once", () => {
  const state = game.create(actorId);
  const names = () => game.snapshot(state).map(({ part }) => part).sort();
  const day = (offset: number) => `day:${dayText(today + offset)}`;
  send(state, { days: { [today]: { events: 1 } }, scores: { score: { ann: 5 } } });
  assert.deepEqual(names(), ["", "board:score", day(0)]);
  assert.deepEqual(names(), []);
  send(state, { days: { [today + 1]: { wau: 1 } }, scores: { score: { ann: 4 } } });
  assert.deepEqual(names(), ["", day(1)], "a score that changes nothing writes nothing");
});

Deno.test("game.describe() gives all parts in one order, and changes nothing", () => {
  const state = game.create(actorId);
  send(state, { days: { [today]: { dau: 1 }, [today - 9]: { dau: 1 } }, scores: { b: {}, a: {} } });
  send(state, { scores: { b: { ann: 1 }, a: { ann: 1 } } });
  const parts = game.describe(state).map(({ part }) => part);
  const days = [`day:${dayText(today - 9)}`, `day:${dayText(today)}`];
  assert.deepEqual(parts, ["", ...days, "board:a", "board:b"]);
  assert.equal(game.snapshot(state).length, 5);
});

Deno.test("game writes a day so that SQL can read it", () => {
  const state = game.create(actorId);
  send(state, { days: { [today]: { "wau": 2, "revenue:USD": 5, "new_players": 1 } } });
  const part = game.snapshot(state).find(({ part }) => part === "day:2026-01-10")!;
  assert.deepEqual(JSON.parse(part.body), {
    events: 0,
    dau: 0,
    wau: 2,
    mau: 0,
    new_players: 1,
    sessions: 0,
    payers: 0,
    revenue: { USD: 5 },
  });
});

Deno.test("game.restore() goes on from the parts of all snapshots as if nothing had happened", () => {
  const commits = fc.array(fc.array(gameMessage, { maxLength: 4 }), { maxLength: 12, size: "max" });
  fc.assert(
    fc.property(commits, fc.array(fc.boolean(), { minLength: 12 }), (commits, restores) => {
      let state = game.create(actorId);
      const whole = game.create(actorId);
      const stored = new Map<string, Part>();
      commits.forEach((messages, i) => {
        for (const message of messages) {
          game.receive(state, message, ctx);
          game.receive(whole, message, ctx);
        }
        for (const part of game.snapshot(state)) stored.set(part.part, part);
        if (restores[i] && stored.size > 0) state = game.restore(actorId, [...stored.values()]);
        assert.equal(body(state), body(whole));
        assert.deepEqual(totals(state, noon + 12_000), totals(whole, noon + 12_000));
      });
    }),
    { numRuns: 100 },
  );
});

Deno.test("game keeps hostile names of types, currencies, boards and users", () => {
  for (const name of hostileNames) {
    let state = game.create(actorId);
    const read = JSON.parse(JSON.stringify({
      [`type:${name}`]: 3,
      [`revenue:${name}`]: 40,
    }));
    const scores = Object.create(null) as Record<string, Record<string, number>>;
    scores[name] = Object.create(null) as Record<string, number>;
    scores[name][name] = 8;
    send(state, { totals: read, days: { [today]: read }, scores });
    state = game.restore(actorId, game.snapshot(state));
    const { eventCounts, revenueMinor, today: day } = totals(state);
    assert.deepEqual(Object.entries(eventCounts), [[name, 3]]);
    assert.deepEqual(Object.entries(revenueMinor), [[name, 40]]);
    assert.deepEqual(Object.entries(day.revenueMinor), [[name, 40]]);
    const page = ask(state, { type: "leaderboard", board: name, first: 1, offset: 0 });
    assert.deepEqual(page.entries, [{ rank: 1, userId: name, score: 8 }]);
  }
});

Deno.test("game.bytes() grows with days, types and entries", () => {
  const state = game.create(actorId);
  const sizes = [game.bytes(state)];
  const changes: Partial<GameDelta>[] = [
    { days: { [today]: { events: 1 } } },
    { totals: { "type:a": 1 } },
    { scores: { score: { ann: 1 } } },
    { scores: { score: { bob: 1 } } },
  ];
  for (const change of changes) {
    send(state, change);
    sizes.push(game.bytes(state));
  }
  sizes.forEach((size, i) => assert.ok(i === 0 || size > sizes[i - 1]!, `${sizes}`));
});
