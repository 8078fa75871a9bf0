import assert from "node:assert/strict";
import fc from "fast-check";
import { DAY_MS } from "../../schema/limits.ts";
import { MINUTE, noon, today } from "../testing/player_harness.ts";
import { engagementScore } from "./engagement.ts";
import { addPayingDay, newPlayerGame, type PlayerGame } from "./player_game.ts";

interface Play {
  readonly activeDays?: number;
  readonly payingDays?: number;
  readonly minutes?: number;
  readonly sessions?: number;
  readonly idleMs?: number;
}

/** A game played on the last `activeDays` days up to today. */
function gameOf({ activeDays = 0, payingDays = 0, minutes = 0, sessions = 0, idleMs = 0 }: Play) {
  const game: PlayerGame = newPlayerGame(today, noon, noon);
  for (let i = 0; i < activeDays; i++) game.activeDays.add(today - i);
  for (let i = 0; i < payingDays; i++) addPayingDay(game, today - i);
  game.playMs = minutes * MINUTE;
  game.sessions = sessions;
  game.lastSeen = noon - idleMs;
  return game;
}

const score = (...plays: Play[]) => engagementScore(plays.map(gameOf), noon);

Deno.test("engagementScore() is 100 for who plays, stays and pays, and 0 for nobody", () => {
  assert.equal(score({ activeDays: 14, payingDays: 4, minutes: 40, sessions: 2 }), 100);
  assert.equal(score(), 0);
});

Deno.test("engagementScore() weighs frequency 60, depth 30 and commitment 10, each up to its saturation", () => {
  assert.equal(score({ activeDays: 7 }), 30);
  assert.equal(score({ activeDays: 28 }), 60);
  assert.equal(score({ minutes: 10, sessions: 1 }), 15);
  assert.equal(score({ minutes: 1000, sessions: 10 }), 30);
  assert.equal(score({ payingDays: 1 }), 2.5);
  assert.equal(score({ payingDays: 9 }), 10);
});

Deno.test("engagementScore() halves with each 7 idle days", () => {
  const play = { minutes: 100, sessions: 5 };
  assert.equal(score({ ...play, idleMs: 7 * DAY_MS }), 15);
  assert.equal(score({ ...play, idleMs: 14 * DAY_MS }), 7.5);
  assert.equal(score({ ...play, idleMs: -DAY_MS }), 30, "an event of tomorrow is no idleness");
});

Deno.test("engagementScore() looks at the last 28 days only", () => {
  const game = gameOf({});
  game.activeDays.add(today - 28);
  assert.equal(engagementScore([game], noon), 0);
  game.activeDays.add(today - 27);
  assert.equal(engagementScore([game], noon), 4.29);
});

Deno.test("engagementScore() takes days from the game played most, time from all, idleness from the last", () => {
  const a = { activeDays: 7, minutes: 10, sessions: 1, idleMs: 7 * DAY_MS };
  const b = { activeDays: 2, payingDays: 4, minutes: 0, sessions: 1, idleMs: 0 };
  assert.equal(score(a, b), 30 + 7.5 + 10);
});

Deno.test("engagementScore() lies between 0 and 100", () => {
  const play = fc.record({
    activeDays: fc.nat({ max: 60 }),
    payingDays: fc.nat({ max: 60 }),
    minutes: fc.nat(),
    sessions: fc.nat({ max: 1000 }),
    idleMs: fc.integer({ min: -DAY_MS, max: 4000 * DAY_MS }),
  });
  fc.assert(fc.property(fc.array(play), (plays) => {
    const value = score(...plays);
    assert.ok(value >= 0 && value <= 100, `${value}`);
  }));
});
