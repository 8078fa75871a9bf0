import assert from "node:assert/strict";
import fc from "fast-check";
import { event, type TestGateway, testGateway } from "../../testing/test_gateway.ts";

/** Valid operations, by what they select; each is far within the limits. */
const leaves = (names: readonly string[]) => fc.subarray([...names], { minLength: 1 });
const joined = (parts: readonly string[]) => parts.join(" ");
const text = (value: string) => JSON.stringify(value);
const user = fc.constantFrom("u-1", "u-2", "nobody", "", "ü", "../x").map(text);
const game = fc.constantFrom("chess", "go", "none").map(text);
const first = fc.integer({ min: 0, max: 40 });
const moment = fc.date({
  min: new Date("2020-01-01T00:00:00Z"),
  max: new Date("2026-12-31T00:00:00Z"),
  noInvalidDate: true,
}).map((date) => text(date.toISOString()));

const session = leaves(["id", "gameId", "startedAt", "events"]).map((f) =>
  `currentSession { ${joined(f)} }`
);
const playerFields = fc.tuple(
  leaves(["id", "aliases", "level", "eventsTotal", "version", "stateHash", "__typename"]),
  fc.option(session, { nil: "" }),
  fc.constantFrom("", "revenueMinor", `r: revenueMinor(currency: "EUR")`, "...P"),
  fc.constantFrom("", "eventCounts { type count }", "... on Player { lastSeen }"),
).map(([names, ...more]) => `{ ${joined(names)} ${joined(more)} }`);
const eventFields = leaves(["id", "type", "userId", "timestamp", "properties", "context"]);
const day = fc.integer({ min: 1, max: 28 }).map((n) => `2026-01-${String(n).padStart(2, "0")}`);

const roots = fc.oneof(
  fc.tuple(user, fc.option(moment), playerFields).map(([id, asOf, fields]) =>
    `player(id: ${id}${asOf === null ? "" : `, asOf: ${asOf}`}) ${fields}`
  ),
  fc.tuple(game, day, day, leaves(["day", "dau", "arpdau"])).map(([id, a, b, fields]) => {
    const [from, to] = [a, b].sort();
    return `game(id: ${id}) { id ccu days(from: "${from}", to: "${to}") { ${joined(fields)} } }`;
  }),
  fc.tuple(first, fc.option(user), eventFields).map(([n, id, fields]) => {
    const filter = id === null ? "" : `, filter: { userId: ${id} }`;
    return `events(first: ${n}${filter}) { edges { cursor node { ${joined(fields)} } }
      pageInfo { hasNextPage } }`;
  }),
  fc.tuple(game, first).map(([id, n]) =>
    `leaderboard(gameId: ${id}, board: "s", first: ${n}) { edges { node { rank userId } } }`
  ),
);

const operations = fc.array(roots, { minLength: 1, maxLength: 8 }).map((fields) => {
  const query = `query Q { ${joined(fields.map((field, i) => `f${i}: ${field}`))} }`;
  return query.includes("...P") ? `${query} fragment P on Player { firstSeen }` : query;
});

/** What is done to a text to make it hostile. */
const mutations = fc.array(
  fc.record({
    at: fc.double({ min: 0, max: 1, noNaN: true }),
    length: fc.integer({ min: 0, max: 30 }),
    put: fc.oneof(
      fc.constantFrom("{", "}", "(", ")", "[", "]", "...", "...P", "@", "$", ":", '"', '"""', "\\"),
      fc.constantFrom(
        "__schema",
        "__proto__",
        "constructor",
        "mutation",
        "on Query",
        "null",
        "1e999",
      ),
      fc.constantFrom("fragment P on Player { ...P }", "@skip(if: $no)", "asOf: 1", "first: -1"),
      fc.string({ unit: "binary", maxLength: 4 }),
    ),
    times: fc.constantFrom(1, 1, 2, 60, 700),
  }),
  { minLength: 1, maxLength: 4 },
);

function mutated(
  text: string,
  changes: typeof mutations extends fc.Arbitrary<infer T> ? T : never,
) {
  return changes.reduce((was, { at, length, put, times }) => {
    const place = Math.floor(at * was.length);
    return was.slice(0, place) + put.repeat(times) + was.slice(place + length);
  }, text);
}

/** Texts that mostly parse, but hold a word in place of another. */
const swaps = fc.record({
  at: fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }),
  word: fc.constantFrom("id", "player", "events", "__schema", "__typename", "edges", "7", "true"),
});

function swapped(text: string, { at, word }: { readonly at: number; readonly word: string }) {
  const words = [...text.matchAll(/\w+/g)];
  const { 0: old, index } = words[Math.floor(at * words.length)]!;
  return text.slice(0, index) + word + text.slice(index + old.length);
}

const mutants = fc.oneof(
  fc.tuple(operations, mutations).map(([text, changes]) => mutated(text, changes)),
  fc.tuple(operations, swaps).map(([text, swap]) => swapped(text, swap)),
);

const variables = fc.oneof(
  fc.constant(undefined),
  fc.object({ maxDepth: 3 }),
  fc.anything({ maxDepth: 2 }).map((value) => ({ no: value, id: value })),
);

async function seeded(): Promise<TestGateway> {
  const gateway = testGateway();
  await gateway.post([event(), event({ user_id: "u-2", game_id: "go", properties: { score: 3 } })]);
  return gateway;
}

async function send({ app }: TestGateway, body: unknown, key = "full") {
  const response = await app.request("/graphql", {
    method: "POST",
    headers: {
      authorization: `Bearer ${key}`,
      "content-type": "application/json",
      accept: "application/graphql-response+json",
    },
    body: JSON.stringify(body),
  });
  return { status: response.status, text: await response.text() };
}

Deno.test("GraphQL answers every valid query within its limits", async () => {
  const gateway = await seeded();
  await fc.assert(
    fc.asyncProperty(operations, async (query) => {
      const { status, text } = await send(gateway, { query });
      assert.equal(status, 200, text);
      assert.equal(JSON.parse(text).errors, undefined, text);
    }),
    { numRuns: 200 },
  );
  assert.deepEqual(gateway.logged, []);
});

Deno.test("GraphQL refuses hostile mutants with a code and never fails by them", async () => {
  const gateway = await seeded();
  const codes = new Map<string, number>();
  const key = fc.constantFrom("full", "reader", "writer");
  await fc.assert(
    fc.asyncProperty(mutants, variables, key, async (query, variables, key) => {
      const { status, text } = await send(gateway, { query, variables }, key);
      assert.ok(status < 500, `${status} ${text}`);
      const { errors = [] } = JSON.parse(text);
      for (const { extensions, message } of errors) {
        const code = extensions?.code;
        codes.set(code, (codes.get(code) ?? 0) + 1);
        assert.equal(typeof code, "string", text);
        assert.notEqual(code, "INTERNAL_SERVER_ERROR", text);
        assert.ok(!/node_modules|npm:|file:|\.ts:\d/.test(message), message);
      }
    }),
    { numRuns: 500 },
  );
  assert.deepEqual(gateway.logged, []);
  // The mutants got through to each of the walls.
  for (const code of ["GRAPHQL_PARSE_FAILED", "GRAPHQL_VALIDATION_FAILED", "TOO_COMPLEX"]) {
    assert.ok((codes.get(code) ?? 0) > 0, `${code} in ${JSON.stringify([...codes])}`);
  }
});
