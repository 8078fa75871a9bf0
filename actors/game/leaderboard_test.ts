import assert from "node:assert/strict";
import fc from "fast-check";
import { limits } from "../../schema/limits.ts";
import { Leaderboard } from "./leaderboard.ts";

const max = limits.leaderboardEntriesMax;

type Offers = readonly (readonly [string, number])[];

function boardOf(offers: Offers): Leaderboard {
  const board = new Leaderboard();
  for (const [userId, score] of offers) board.offer(userId, score);
  return board;
}

/** The best score of each user, ranked and cut. */
function naive(offers: Offers): [string, number][] {
  const best = new Map<string, number>();
  for (const [userId, score] of offers) {
    best.set(userId, Math.max(score, best.get(userId) ?? -Infinity));
  }
  return [...best].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1)).slice(0, max);
}

const full: Offers = Array.from({ length: max }, (_, i) => [`u${String(i).padStart(4, "0")}`, i]);

Deno.test("Leaderboard.offer() keeps a player's best", () => {
  const board = new Leaderboard();
  assert.deepEqual([5, 4, 5, 6].map((score) => board.offer("ann", score)), [
    true,
    false,
    false,
    true,
  ]);
  assert.deepEqual(board.ranked(), [["ann", 6]]);
});

Deno.test("Leaderboard.ranked() lists the best first and equals by user id", () => {
  const board = boardOf([["c", 1], ["a", 1], ["b", 9], ["d", -3]]);
  assert.deepEqual(board.ranked(), [["b", 9], ["a", 1], ["c", 1], ["d", -3]]);
});

Deno.test("Leaderboard.page() ranks from 1 and says whether more follow", () => {
  const board = boardOf([["a", 3], ["b", 2], ["c", 1]]);
  assert.deepEqual(board.page(0, 2), {
    entries: [{ rank: 1, userId: "a", score: 3 }, { rank: 2, userId: "b", score: 2 }],
    hasNextPage: true,
  });
  assert.deepEqual(board.page(2, 2), {
    entries: [{ rank: 3, userId: "c", score: 1 }],
    hasNextPage: false,
  });
  assert.deepEqual(board.page(3, 2), { entries: [], hasNextPage: false });
  assert.deepEqual(board.page(1, 2).hasNextPage, false);
});

Deno.test("Leaderboard keeps the best 1,000 players", () => {
  const board = boardOf(full);
  assert.equal(board.size, max);
  assert.equal(board.offer("late", -1), false, "worse than all");
  assert.equal(board.offer("late", 500), true);
  assert.equal(board.size, max);
  assert.deepEqual(board.ranked(), naive([...full, ["late", 500]]));
  assert.equal(board.offer("u0000", 0), false, "dropped, and no better than the lowest");
  assert.equal(board.offer("u0000", 2), true, "back with more");
});

Deno.test("Leaderboard lets the smaller user id stay among equals at the end of a full board", () => {
  const board = boardOf(full);
  assert.equal(board.offer("z", 0), false);
  assert.equal(board.offer("a", 0), true);
  assert.deepEqual(board.ranked().at(-1), ["a", 0]);
});

Deno.test("Leaderboard knows the new lowest after the lowest has improved", () => {
  const board = boardOf(full);
  board.offer("late", -5);
  assert.equal(board.offer("u0000", 2000), true);
  assert.equal(board.offer("between", 0.5), false, "u0001 with 1 is the lowest now");
  assert.equal(board.offer("above", 1.5), true);
  assert.equal(board.ranked().at(-1)![0], "above");
});

const users = fc.integer({ min: 0, max: max + 40 }).map((i) => `u${String(i).padStart(4, "0")}`);
const offers = fc.array(
  fc.tuple(users, fc.oneof(fc.integer({ min: 0, max: 12 }), fc.integer({ min: 0, max: 3000 }))),
  { maxLength: 150, size: "max" },
);

Deno.test("Leaderboard is the cut of everybody's best, in whatever order the scores came", () => {
  fc.assert(
    fc.property(offers, (later) => {
      const all = [...full, ...later];
      assert.deepEqual(boardOf(all).ranked(), naive(all));
      assert.deepEqual(boardOf(all.toReversed()).ranked(), naive(all));
    }),
    { numRuns: 40 },
  );
});

Deno.test("Leaderboard.from() goes on as the board that was written down", () => {
  fc.assert(
    fc.property(offers, offers, (before, after) => {
      const board = boardOf([...full, ...before]);
      const copy = Leaderboard.from(JSON.parse(JSON.stringify(board.ranked())));
      for (const [userId, score] of after) {
        assert.equal(copy.offer(userId, score), board.offer(userId, score), `${userId} ${score}`);
      }
      assert.deepEqual(copy.ranked(), board.ranked());
    }),
    { numRuns: 40 },
  );
});
