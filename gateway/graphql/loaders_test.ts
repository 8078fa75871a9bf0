import assert from "node:assert/strict";
import { Unavailable } from "../../schema/errors.ts";
import { limits } from "../../schema/limits.ts";
import { PageBudget, PageLease } from "../limits/page_budget.ts";
import { event, type TestGateway, testGateway } from "../testing/test_gateway.ts";
import { Loaders } from "./loaders.ts";

/** A gateway with events of three players and two games, and the pages that its store was asked for. */
async function counting() {
  const gateway = testGateway();
  const { platform } = gateway;
  await gateway.post([
    event({ event_id: "e1" }),
    event({ event_id: "e2", user_id: "u-2" }),
    event({ event_id: "e3", user_id: "u-3", game_id: "go" }),
    event({ event_id: "e4", properties: { score: 5 } }),
  ]);
  const pages: string[] = [];
  const events = platform.events.bind(platform);
  platform.events = (studio, filter, first, after) => {
    pages.push(`${studio} ${JSON.stringify(filter)} ${first} ${after}`);
    return events(studio, filter, first, after);
  };
  return { gateway, pages, asked: platform.asked };
}

async function query({ app }: TestGateway, text: string) {
  const response = await app.request("/graphql", {
    method: "POST",
    headers: { authorization: "Bearer full", "content-type": "application/json" },
    body: JSON.stringify({ query: text }),
  });
  return await response.json();
}

Deno.test("a request asks each actor each thing once, however many names it has", async () => {
  const { gateway, asked, pages } = await counting();
  const { data } = await query(
    gateway,
    `{ a: player(id: "u-1") { eventsTotal } b: player(id: "u-1") { id } c: player(id: "u-2") { id }
       nobody: player(id: "u-9") { id } again: player(id: "u-9") { id }
       past: player(id: "u-1", asOf: "2020-01-01T00:00:00Z") { id }
       g: game(id: "chess") { id } h: game(id: "chess") { eventsTotal }
       l: leaderboard(gameId: "chess", board: "s") { edges { node { userId } } }
       m: leaderboard(gameId: "chess", board: "s") { edges { cursor } }
       n: leaderboard(gameId: "chess", board: "s", first: 1) { edges { cursor } } }`,
  );
  assert.deepEqual([data.a, data.b, data.c], [{ eventsTotal: 2 }, { id: "u-1" }, { id: "u-2" }]);
  assert.deepEqual([data.nobody, data.again, data.past], [null, null, null]);
  assert.deepEqual([data.g, data.h], [{ id: "chess" }, { eventsTotal: 3 }]);
  assert.equal(data.l.edges[0].node.userId, "u-1");
  assert.deepEqual(asked.sort(), [
    "game demo/chess leaderboard",
    "game demo/chess leaderboard",
    "game demo/chess totals",
    "player demo/u-1 profile",
    "player demo/u-1 profile",
    "player demo/u-2 profile",
    "player demo/u-9 profile",
  ]);
  assert.deepEqual(pages, []);
});

Deno.test("a request asks a game for all its days at once, and each field gets its own", async () => {
  const { gateway, asked } = await counting();
  const { data } = await query(
    gateway,
    `{ chess: game(id: "chess") {
         week: days(from: "2026-01-09", to: "2026-01-15") { day events }
         today: days(from: "2026-01-15", to: "2026-01-15") { events }
         before: days(from: "2025-12-01", to: "2025-12-31") { day } }
       again: game(id: "chess") { days(from: "2026-01-14", to: "2026-01-15") { day } }
       go: game(id: "go") { days(from: "2026-01-15", to: "2026-01-15") { events } } }`,
  );
  assert.deepEqual(asked.sort(), [
    "game demo/chess days",
    "game demo/chess totals",
    "game demo/go days",
    "game demo/go totals",
  ]);
  const { week, today, before } = data.chess;
  assert.deepEqual(week.map(({ day }: { day: string }) => day).slice(0, 2), [
    "2026-01-09",
    "2026-01-10",
  ]);
  assert.deepEqual([week.length, before.length, data.again.days.length], [7, 31, 2]);
  assert.deepEqual([week[6].events, today, data.go.days], [3, [{ events: 3 }], [{ events: 1 }]]);
});

Deno.test("a request asks for days apart that are too far from each other for one question", async () => {
  const { gateway, asked } = await counting();
  const { data } = await query(
    gateway,
    `{ game(id: "chess") { old: days(from: "2020-01-01", to: "2020-01-02") { day }
         new: days(from: "2026-01-15", to: "2026-01-15") { events } } }`,
  );
  assert.equal(asked.filter((what) => what === "game demo/chess days").length, 2);
  assert.deepEqual(data.game.old, [{ day: "2020-01-01" }, { day: "2020-01-02" }]);
  assert.deepEqual(data.game.new, [{ events: 3 }]);
});

Deno.test("a request reads pages of one place once, cut to what each field asked for", async () => {
  const { gateway, pages } = await counting();
  const page = "edges { node { id } } pageInfo { hasNextPage endCursor }";
  const { data } = await query(
    gateway,
    `{ two: events(first: 2) { ${page} } one: events(first: 1) { ${page} }
       all: events(first: 4) { ${page} } none: events(first: 0) { ${page} }
       chess: events(first: 1, filter: { gameId: "chess" }) { ${page} }
       rest: events(first: 1, after: "3") { ${page} } }`,
  );
  assert.deepEqual(pages, [
    "demo {} 4 undefined",
    'demo {"gameId":"chess"} 1 undefined',
    "demo {} 1 3",
  ]);
  const told = (name: string) => {
    const { edges, pageInfo } = data[name];
    return [
      edges.map(({ node }: { node: { id: string } }) => node.id).join(),
      pageInfo.hasNextPage,
    ];
  };
  assert.deepEqual(told("all"), ["e4,e3,e2,e1", false]);
  assert.deepEqual(told("two"), ["e4,e3", true]);
  assert.deepEqual(told("one"), ["e4", true]);
  assert.deepEqual(told("none"), ["", true]);
  assert.deepEqual(told("chess"), ["e4", true]);
  assert.deepEqual(told("rest"), ["e3", true]);
  assert.equal(data.two.pageInfo.endCursor, "2");
});

Deno.test("Loaders keeps nothing beyond a tick, and tells each who asked what failed", async () => {
  const { gateway: { platform }, asked } = await counting();
  const loaders = new Loaders(platform, "demo", new PageLease(new PageBudget(), "full"));
  const ask = (id: string) => loaders.ask("player", id, { type: "profile" });
  await Promise.all([ask("demo/u-1"), ask("demo/u-1")]);
  await ask("demo/u-1");
  assert.equal(asked.length, 2);
  let asks = 0;
  platform.beforeAsk = () =>
    ++asks === 1 ? Promise.reject(new Unavailable("shard", "a")) : undefined;
  const results = await Promise.allSettled([ask("demo/u-1"), ask("demo/u-1"), ask("demo/u-2")]);
  assert.deepEqual(results.map(({ status }) => status), ["rejected", "rejected", "fulfilled"]);
  assert.ok((results[0] as PromiseRejectedResult).reason instanceof Unavailable);
  assert.notEqual(await ask("demo/u-1"), null);
});

Deno.test("Loaders puts days together up to as many as a question may span", async () => {
  const { gateway: { platform }, asked } = await counting();
  const loaders = new Loaders(platform, "demo", new PageLease(new PageBudget(), "full"));
  const days = (from: number, to: number) =>
    loaders.ask("game", "demo/chess", { type: "days", from, to });
  const max = limits.gameDaysMax;
  await Promise.all([days(0, 0), days(max - 1, max - 1)]);
  assert.equal(asked.length, 1);
  await Promise.all([days(0, 0), days(max, max)]);
  assert.equal(asked.length, 3);
  assert.deepEqual(
    await Promise.all([loaders.ask("game", "demo/no", { type: "days", from: 1, to: 2 })]),
    [
      null,
    ],
  );
});
