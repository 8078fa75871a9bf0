import assert from "node:assert/strict";
import { game as gameBehaviour } from "../../actors/game/game.ts";
import { Leaderboard } from "../../actors/game/leaderboard.ts";
import { Unavailable } from "../../schema/errors.ts";
import { limits } from "../../schema/limits.ts";
import type { Boards } from "../cache/cache.ts";
import { MemoryBoards } from "../cache/memory/memory_boards.ts";
import { MetricsAccumulator } from "../observability/metrics_sink.ts";
import { ResourceMeter } from "../observability/resource_meter.ts";
import { gameStage } from "../shard/stages.ts";
import { type AskBoard, type BoardQuery, leaderboardPage } from "./deep_pages.ts";
import { ScoreFeed } from "./score_feed.ts";
import { boardKey, type BoardScores, scoredStage } from "./scored_stage.ts";

const actorMax = limits.leaderboardEntriesMax;
const key = boardKey("s/g", "score");

/** A game of `users` players, whose scores are their numbers. */
function world(users: number) {
  const actor = new Leaderboard();
  const scores = new Map<string, number>();
  for (let i = 0; i < users; i++) {
    actor.offer(`u${i}`, i);
    scores.set(`u${i}`, i);
  }
  const ask: AskBoard = ({ offset, first }) => Promise.resolve(actor.page(offset, first));
  return { actor, scores, ask };
}

const query = (offset: number, first: number): BoardQuery => ({
  type: "leaderboard",
  board: "score",
  offset,
  first,
});

const gone: Boards = {
  offer: () => Promise.reject(new Unavailable("cache", "gone")),
  page: () => Promise.reject(new Unavailable("cache", "gone")),
  remove: () => Promise.reject(new Unavailable("cache", "gone")),
};

Deno.test("leaderboardPage() walks a long board from the first to the last, each user once", async () => {
  const users = 2_345;
  const { scores, ask } = world(users);
  const boards = new MemoryBoards();
  await boards.offer(key, scores);
  const seen: string[] = [];
  for (let offset = 0;;) {
    const page = (await leaderboardPage("s/g", query(offset, 300), ask, boards))!;
    assert.ok(page.entries.every(({ rank }, i) => rank === offset + i + 1));
    seen.push(...page.entries.map(({ userId }) => userId));
    offset = seen.length;
    if (!page.hasNextPage) break;
  }
  assert.deepEqual(seen, Array.from({ length: users }, (_, i) => `u${users - 1 - i}`));
});

Deno.test("leaderboardPage() is the actor's while the cache is away, and for short boards", async () => {
  const { ask } = world(2 * actorMax);
  const crossing = await leaderboardPage("s/g", query(actorMax - 5, 10), ask, gone);
  assert.equal(crossing?.entries.length, 5);
  assert.equal(crossing.hasNextPage, false);
  const deep = await leaderboardPage("s/g", query(actorMax + 5, 10), ask, gone);
  assert.deepEqual(deep, { entries: [], hasNextPage: false });
  const short = world(10).ask;
  const all = await leaderboardPage("s/g", query(0, actorMax), short, gone);
  assert.deepEqual([all?.entries.length, all?.hasNextPage], [10, false]);
  assert.equal(
    await leaderboardPage("s/g", query(0, actorMax), () => Promise.resolve(null), gone),
    null,
  );
});

Deno.test("leaderboardPage() gives an emptied cache the actor's best back", async () => {
  const { ask } = world(2 * actorMax);
  const boards = new MemoryBoards();
  // After the loss one has scored again.
  await boards.offer(key, new Map([["u500", 500]]));
  const page = await leaderboardPage("s/g", query(actorMax, 10), ask, boards);
  assert.deepEqual(page, {
    entries: [{ rank: actorMax + 1, userId: "u500", score: 500 }],
    hasNextPage: false,
  });
  assert.equal((await boards.page(key, 0, 1)).size, actorMax + 1);
});

Deno.test("scoredStage() tells the scores of boards that the actor keeps, and changes nothing", () => {
  const told: BoardScores[] = [];
  const { behaviour } = scoredStage(gameStage(gameBehaviour), (scores) => told.push(scores));
  const state = behaviour.create("s/g");
  const ctx = { actorId: "s/g", now: 0 } as Parameters<typeof behaviour.receive>[2];
  const names = Array.from({ length: limits.leaderboardsPerGameMax + 3 }, (_, i) => `b${i}`);
  const scores = Object.fromEntries(names.map((name) => [name, { ann: 1 }]));
  const message = { at: 0, delta: { totals: {}, days: {}, scores } };
  behaviour.receive(state, message, ctx);
  assert.equal(told.length, limits.leaderboardsPerGameMax);
  assert.deepEqual(told[0], { game: "s/g", board: "b0", scores: [["ann", 1]] });
  const plain = gameBehaviour.create("s/g");
  gameBehaviour.receive(plain, message, ctx);
  assert.deepEqual(behaviour.describe(state), gameBehaviour.describe(plain));
});

Deno.test("boardKey() tells boards apart, whatever their names hold", () => {
  assert.notEqual(boardKey("s/x/y", "z"), boardKey("s/x", "y/z"));
  assert.notEqual(boardKey('s/x","y', "z"), boardKey("s/x", 'y","z'));
});

Deno.test("ScoreFeed keeps the best of each user while the cache is away, and is bounded", async () => {
  const sink = new MetricsAccumulator();
  const meter = new ResourceMeter(sink, "scores");
  const held = new MemoryBoards();
  let isAway = true;
  const boards: Boards = {
    offer: (board, scores) => isAway ? gone.offer(board, scores) : held.offer(board, scores),
    page: (...args) => held.page(...args),
    remove: (board) => held.remove(board),
  };
  const feed = new ScoreFeed({ boards, meter, waitingMax: 3 });
  const add = (board: string, ...scores: [string, number][]) =>
    feed.add({ game: "s/g", board, scores });
  add("score", ["ann", 5], ["bob", 1]);
  await feed.flush();
  add("score", ["ann", 3]);
  add("other", ["ann", 7]);
  add("score", ["cy", 9], ["bob", 2]);
  await feed.flush();
  assert.equal(feed.size, 3);
  assert.deepEqual(sink.drain().resource_lost_total, [[["scores", "offer"], 1]]);
  isAway = false;
  await feed.flush();
  assert.equal(feed.size, 0);
  const ranked = (await held.page(key, 0, 10)).entries;
  assert.deepEqual(ranked.map(({ userId, score }) => [userId, score]), [["ann", 5], ["bob", 2]]);
  assert.equal((await held.page(boardKey("s/g", "other"), 0, 10)).size, 1);
  assert.deepEqual(sink.drain().resource_waiting, [[["scores"], 0]]);
});
