import assert from "node:assert/strict";
import { game } from "./game.ts";
import { describeGame, newGame, restoreGame } from "./game_state.ts";

function played() {
  const state = newGame();
  const delta = {
    totals: { ccu: 2, "type:login": 1 },
    days: { 20_000: { events: 3 }, 20_001: { events: 1, "revenue:EUR": 5 } },
    scores: { score: { ann: 7 } },
  };
  const ctx = { actorId: "s/g", now: 9, partition: 0, offset: 0 };
  game.receive(state, { at: 5, delta }, ctx);
  return state;
}

Deno.test("restoreGame() gives the state that was described", () => {
  const parts = describeGame(played());
  assert.equal(parts.length, 4);
  assert.deepEqual(describeGame(restoreGame(parts)), parts);
});

Deno.test("restoreGame() throws when a day or a board is missing", () => {
  const parts = describeGame(played());
  for (const { part } of parts.slice(1)) {
    const others = parts.filter((other) => other.part !== part);
    assert.throws(() => restoreGame(others), /Cannot restore a game of 3 days and boards from 2/);
  }
});

Deno.test("restoreGame() reads totals that do not tell how many parts there are", () => {
  const [totals, ...others] = describeGame(played());
  const { parts: _, ...old } = JSON.parse(totals!.body);
  const state = restoreGame([{ part: "", body: JSON.stringify(old) }, ...others.slice(1)]);
  assert.equal(state.events, 4);
});

Deno.test("game counts a board as soon as its snapshot does", () => {
  const state = newGame();
  const ctx = { actorId: "s/g", now: 9, partition: 0, offset: 0 };
  game.receive(state, { at: 5, delta: { totals: {}, days: {}, scores: { empty: {} } } }, ctx);
  assert.deepEqual(describeGame(restoreGame(game.snapshot(state))), describeGame(state));
});
