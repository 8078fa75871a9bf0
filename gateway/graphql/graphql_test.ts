import assert from "node:assert/strict";
import { buildClientSchema, getIntrospectionQuery, printSchema } from "graphql";
import { ActorHalted, Unavailable } from "../../schema/errors.ts";
import { event, type TestGateway, testGateway, testNow } from "../testing/test_gateway.ts";

// deno-lint-ignore no-explicit-any -- answers have the shape of their query
type Result = { status: number; data?: any; errors?: any[]; text: string };

async function query(
  { app }: TestGateway,
  text: string,
  { key = "full", variables = {} as Record<string, unknown> } = {},
): Promise<Result> {
  const response = await app.request("/graphql", {
    method: "POST",
    headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
    body: JSON.stringify({ query: text, variables }),
  });
  const body = await response.text();
  return { status: response.status, text: body, ...JSON.parse(body) };
}

/** The only error's code. */
async function codeOf(gateway: TestGateway, text: string, key = "full"): Promise<string> {
  const result = await query(gateway, text, { key });
  assert.equal(result.errors?.length, 1, result.text);
  return result.errors![0].extensions?.code;
}

async function withEvents(): Promise<TestGateway> {
  const gateway = testGateway();
  const purchase = (amount: number, currency: string, over = {}) =>
    event({ event_type: "purchase", properties: { amount, currency }, ...over });
  await gateway.post([
    event({ event_id: "e1", event_type: "level.complete", properties: { level: 3, score: 10 } }),
    event({ event_id: "e2", session_id: "s-9", context: { platform: "ios" } }),
    purchase(499, "USD", { event_id: "e3" }),
    purchase(250, "EUR", { event_id: "e4", game_id: "go" }),
    event({ event_id: "e5", user_id: "u-2", properties: { score: 30 } }),
    event({ event_id: "e6", user_id: "u-3", properties: { score: 20 } }),
  ]);
  return gateway;
}

Deno.test("player() answers the contract's fields from the live actor", async () => {
  const { data } = await query(
    await withEvents(),
    `{ player(id: "u-1") { id firstSeen lastSeen eventsTotal sessionsTotal playSeconds level
        usd: revenueMinor eur: revenueMinor(currency: "EUR") none: revenueMinor(currency: "JPY")
        engagementScore eventCounts { type count } version stateHash
        currentSession { id gameId startedAt lastEventAt events } } }`,
  );
  const now = new Date(testNow).toISOString();
  assert.deepEqual(data.player, {
    id: "u-1",
    firstSeen: now,
    lastSeen: now,
    eventsTotal: 4,
    sessionsTotal: 2,
    playSeconds: 0,
    level: 3,
    usd: 499,
    eur: 250,
    none: 0,
    engagementScore: 4,
    eventCounts: [
      { type: "purchase", count: 2 },
      { type: "custom", count: 1 },
      { type: "level.complete", count: 1 },
    ],
    version: "0:3",
    stateHash: "0000000000000000",
    currentSession: { id: "", gameId: "go", startedAt: now, lastEventAt: now, events: 4 },
  });
});

Deno.test("player() narrows to a game and to an arrival time, and is null when unknown", async () => {
  const gateway = await withEvents();
  const { data } = await query(
    gateway,
    `query ($asOf: DateTime) { go: player(id: "u-1", gameId: "go") { eventsTotal }
       before: player(id: "u-1", asOf: $asOf) { id } unknown: player(id: "nobody") { id } }`,
    { variables: { asOf: new Date(testNow - 1).toISOString() } },
  );
  assert.deepEqual(data, { go: { eventsTotal: 1 }, before: null, unknown: null });
});

Deno.test("player() asks each player once in a request", async () => {
  const gateway = await withEvents();
  await query(
    gateway,
    `{ a: player(id: "u-1") { id } b: player(id: "u-1") { level }
    c: player(id: "u-1", gameId: "go") { id } d: player(id: "u-2") { id } }`,
  );
  assert.deepEqual(gateway.platform.asked.sort(), [
    "player demo/u-1 profile",
    "player demo/u-1 profile",
    "player demo/u-2 profile",
  ]);
});

Deno.test("game() answers totals, today and days", async () => {
  const { data } = await query(
    await withEvents(),
    `{ game(id: "chess") { id eventsTotal eventsPerSecond ccu dau wau mau newPlayersToday
         revenueMinor arpdau eventCounts { type count }
         days(from: "2026-01-14", to: "2026-01-15") { day events dau wau mau newPlayers sessions
           payers revenueMinor arpdau euros: arpdau(currency: "EUR") } }
       unknown: game(id: "nothing") { id } }`,
  );
  const game = data.game;
  assert.deepEqual(
    [game.id, game.eventsTotal, game.eventsPerSecond, game.dau, game.revenueMinor],
    ["chess", 5, 0.5, 3, 499],
  );
  assert.equal(game.arpdau, 499 / 3);
  const [before, today] = game.days;
  assert.deepEqual([before.day, before.dau, before.arpdau], ["2026-01-14", 0, 0]);
  const { day, events, payers, revenueMinor, arpdau, euros } = today;
  assert.deepEqual([day, events, payers, revenueMinor, arpdau, euros], [
    "2026-01-15",
    5,
    1,
    499,
    499 / 3,
    0,
  ]);
  assert.equal(data.unknown, null);
});

Deno.test("events() pages newest first and filters", async () => {
  const gateway = await withEvents();
  const page = (args: string) =>
    query(
      gateway,
      `{ events(${args}) { edges { cursor node { id type userId gameId sessionId timestamp
         receivedAt properties context position } } pageInfo { hasNextPage endCursor } } }`,
    );
  const first = (await page("first: 4")).data.events;
  assert.deepEqual(first.edges.map((e: Result["data"]) => e.node.id), ["e6", "e5", "e4", "e3"]);
  assert.equal(first.pageInfo.hasNextPage, true);
  const rest = (await page(`first: 4, after: "${first.pageInfo.endCursor}"`)).data.events;
  assert.deepEqual(rest.edges.map((e: Result["data"]) => e.node.id), ["e2", "e1"]);
  assert.equal(rest.pageInfo.hasNextPage, false);
  const { sessionId, context, properties, position } = rest.edges[0].node;
  assert.deepEqual([sessionId, context, properties, position], [
    "s-9",
    { platform: "ios" },
    {},
    "0:1",
  ]);
  const filter = `filter: { userId: "u-1", gameId: "chess", types: ["purchase", "custom"],
    from: "2026-01-15T12:00:00Z", to: "2026-01-15T12:00:01Z" }`;
  const found = (await page(filter)).data.events.edges;
  assert.deepEqual(found.map((e: Result["data"]) => e.node.id), ["e3", "e2"]);
  const none = (await page(`filter: { userId: "" }`)).data.events;
  assert.deepEqual(none, { edges: [], pageInfo: { hasNextPage: false, endCursor: null } });
});

Deno.test("leaderboard() pages by rank", async () => {
  const gateway = await withEvents();
  const page = async (args: string) =>
    (await query(
      gateway,
      `{ leaderboard(gameId: "chess", board: "score"${args}) {
         edges { node { rank userId score } } pageInfo { hasNextPage endCursor } } }`,
    )).data.leaderboard;
  const top = await page(", first: 2");
  assert.deepEqual(top.edges, [
    { node: { rank: 1, userId: "u-2", score: 30 } },
    { node: { rank: 2, userId: "u-3", score: 20 } },
  ]);
  const rest = await page(`, first: 2, after: "${top.pageInfo.endCursor}"`);
  assert.deepEqual(rest.edges, [{ node: { rank: 3, userId: "u-1", score: 10 } }]);
  assert.equal(rest.pageInfo.hasNextPage, false);
});

Deno.test("GraphQL refuses wrong arguments as BAD_USER_INPUT", async () => {
  const gateway = await withEvents();
  const wrong = [
    `{ player(id: "u-1", asOf: "yesterday") { id } }`,
    `{ player(id: "u-1", asOf: 7) { id } }`,
    `{ player(id: "u-1") { revenueMinor(currency: "dollars") } }`,
    `{ game(id: "chess") { days(from: "2026-02-30", to: "2026-03-01") { day } } }`,
    `{ game(id: "chess") { days(from: "2026-01-02", to: "2026-01-01") { day } } }`,
    `{ game(id: "chess") { days(from: "2024-01-01", to: "2026-01-01") { day } } }`,
    `{ events(first: 1001) { edges { cursor } } }`,
    `{ events(first: -1) { edges { cursor } } }`,
    `{ events(after: "nonsense") { edges { cursor } } }`,
    `{ leaderboard(gameId: "chess", board: "score", after: "€") { edges { cursor } } }`,
    `{ leaderboard(gameId: "chess", board: "score", after: "bm9uc2Vuc2U=") { edges { cursor } } }`,
  ];
  for (const text of wrong) assert.equal(await codeOf(gateway, text), "BAD_USER_INPUT", text);
  const { errors } = await query(
    gateway,
    `query ($d: DateTime) { player(id: "u", asOf: $d) { id } }`,
    {
      variables: { d: "2026-02-30T00:00:00Z" },
    },
  );
  assert.match(errors![0].message, /must be an RFC 3339 date-time .* got "2026-02-30T00:00:00Z"/);
});

Deno.test("GraphQL needs a key, and a key that may read", async () => {
  const gateway = await withEvents();
  const { app } = gateway;
  const anonymous = await app.request("/graphql", { method: "POST", body: "{}" });
  assert.equal(anonymous.status, 401);
  assert.equal((await anonymous.json()).code, "unauthorized");
  for (
    const text of [
      `{ player(id: "u-1") { id } }`,
      `{ game(id: "chess") { id } }`,
      `{ events { edges { cursor } } }`,
      `{ leaderboard(gameId: "chess", board: "b") { edges { cursor } } }`,
    ]
  ) {
    assert.equal(await codeOf(gateway, text, "writer"), "FORBIDDEN", text);
  }
  assert.deepEqual(gateway.platform.asked, []);
});

Deno.test("GraphQL keeps studios and games apart", async () => {
  const gateway = await withEvents();
  const other = await query(
    gateway,
    `{ player(id: "u-1") { id } escape: player(id: "../demo/u-1") { id } game(id: "chess") { id }
       events { edges { cursor } } }`,
    { key: "other" },
  );
  assert.deepEqual(other.data, { player: null, escape: null, game: null, events: { edges: [] } });
  const chess = await query(
    gateway,
    `{ player(id: "u-1") { eventsTotal } events { edges { cursor } } }`,
    {
      key: "chess",
    },
  );
  assert.equal(chess.data.player.eventsTotal, 3);
  assert.equal(chess.data.events.edges.length, 5);
  for (
    const text of [
      `{ game(id: "go") { id } }`,
      `{ player(id: "u-1", gameId: "go") { id } }`,
      `{ events(filter: { gameId: "go" }) { edges { cursor } } }`,
      `{ leaderboard(gameId: "go", board: "b") { edges { cursor } } }`,
    ]
  ) {
    assert.equal(await codeOf(gateway, text, "chess"), "FORBIDDEN", text);
  }
  assert.equal(await codeOf(gateway, `{ player(id: "u-1") { id } }`, "two"), "FORBIDDEN");
});

Deno.test("GraphQL hides what fails inside and says what to retry", async () => {
  const gateway = await withEvents();
  gateway.platform.beforeAsk = () => Promise.reject(new Unavailable("shard", "on node-7"));
  const moving = await query(gateway, `{ player(id: "u-1") { id } }`);
  assert.equal(moving.errors![0].extensions.code, "UNAVAILABLE");
  assert.deepEqual(moving.errors![0].path, ["player"]);
  gateway.platform.beforeAsk = () => Promise.reject(new ActorHalted("s/u-1", "secret reason"));
  const halted = await query(gateway, `{ player(id: "u-1") { id } }`);
  assert.equal(halted.errors![0].extensions.code, "UNAVAILABLE");
  assert.ok(!halted.text.includes("secret"));
  gateway.platform.beforeAsk = () => {
    throw new TypeError("secret at /srv/app.ts");
  };
  const broken = await query(gateway, `{ player(id: "u-1") { id } }`);
  assert.equal(broken.errors![0].extensions.code, "INTERNAL_SERVER_ERROR");
  assert.ok(!/node-7|secret|app\.ts/.test(moving.text + broken.text));
  assert.match(String(gateway.logged.at(-1)!.fields.error), /secret at/);
});

Deno.test("GraphQL answers GET and the schema's introspection", async () => {
  const gateway = await withEvents();
  const text = encodeURIComponent(`{ player(id: "u-2") { eventsTotal } }`);
  const response = await gateway.app.request(`/graphql?query=${text}`, {
    headers: { "x-api-key": "full" },
  });
  assert.deepEqual(await response.json(), { data: { player: { eventsTotal: 1 } } });
  assert.ok(response.headers.get("x-request-id"));
  const { data } = await query(gateway, getIntrospectionQuery());
  assert.match(printSchema(buildClientSchema(data)), /asOf: DateTime/);
});

Deno.test("GraphQL refuses costly documents before it asks anything", async () => {
  const gateway = await withEvents();
  const aliases = (count: number) =>
    `{ ${Array.from({ length: count }, (_, i) => `a${i}: player(id: "u") { id }`).join(" ")} }`;
  const spread = (i: number) => `fragment F${i} on Query { ...F${i + 1} ...F${i + 1} }`;
  const bomb = `{ ...F0 } ${Array.from({ length: 20 }, (_, i) => spread(i)).join(" ")}
    fragment F20 on Query { player(id: "u") { id } }`;
  const costly = [
    aliases(51),
    `{ a: player(id: "u") { ...P } } fragment P on Player {
       ${Array.from({ length: 50 }, (_, i) => `b${i}: id`).join(" ")} }`,
    bomb,
    `{ player(id: "u") { ${"x { ".repeat(50)} id ${"} ".repeat(50)} } }`,
    `# ${"x".repeat(20_000)}\n{ player(id: "u") { id } }`,
  ];
  for (const text of costly) {
    const startedAt = performance.now();
    assert.equal(await codeOf(gateway, text), "TOO_COMPLEX", text.slice(0, 60));
    assert.ok(performance.now() - startedAt < 100);
  }
  const flood = `{ player(id: "u") { id ${"@include(if: true) ".repeat(600)} } }`;
  assert.equal(await codeOf(gateway, flood), "TOO_COMPLEX");
  assert.equal((await query(gateway, aliases(50))).errors, undefined);
  assert.deepEqual(gateway.platform.asked.length, 1);
  const cycle =
    `{ player(id: "u") { ...A } } fragment A on Player { ...B } fragment B on Player { ...A }`;
  assert.match((await query(gateway, cycle)).errors![0].message, /Cannot spread fragment/);
});

Deno.test("GraphQL takes no batches and no large bodies", async () => {
  const { app } = await withEvents();
  const post = (body: string) =>
    app.request("/graphql", {
      method: "POST",
      headers: { authorization: "Bearer full", "content-type": "application/json" },
      body,
    });
  const batch = await post(JSON.stringify(Array(3).fill({ query: "{ __typename }" })));
  assert.ok(batch.status >= 400 && batch.status < 500, String(batch.status));
  await batch.body?.cancel();
  const large = await post(JSON.stringify({ query: "x".repeat(1 << 20) }));
  assert.deepEqual([large.status, (await large.json()).code], [413, "too_large"]);
});

Deno.test("ids that are none ask nobody anything", async () => {
  const gateway = await withEvents();
  const page = "edges { cursor }";
  for (const id of ["u-1\0", "\ud800", "u\n1", "u".repeat(129)]) {
    for (
      const text of [
        `query ($id: ID!) { player(id: $id) { id } }`,
        `query ($id: ID!) { player(id: "u-1", gameId: $id) { id } }`,
        `query ($id: ID!) { game(id: $id) { id } }`,
        `query ($id: ID!) { leaderboard(gameId: $id, board: "best") { ${page} } }`,
        `query ($id: ID!) { events(filter: { userId: $id }) { ${page} } }`,
        `query ($id: ID!) { events(filter: { gameId: $id }) { ${page} } }`,
        `query ($id: String!) { events(filter: { types: [$id] }) { ${page} } }`,
      ]
    ) {
      const { errors } = await query(gateway, text, { variables: { id } });
      assert.equal(errors?.[0].extensions.code, "BAD_USER_INPUT", `${text} ${JSON.stringify(id)}`);
    }
  }
  assert.deepEqual([gateway.platform.asked, gateway.platform.pages], [[], []]);
  assert.deepEqual(gateway.logged, []);
});

Deno.test("events(first: 0) only tells whether there are any", async () => {
  const { data } = await query(
    await withEvents(),
    `{ events(first: 0) { edges { cursor } pageInfo { hasNextPage endCursor } }
       none: events(first: 0, filter: { userId: "nobody" }) { pageInfo { hasNextPage } } }`,
  );
  assert.deepEqual(data.events, { edges: [], pageInfo: { hasNextPage: true, endCursor: null } });
  assert.equal(data.none.pageInfo.hasNextPage, false);
});
