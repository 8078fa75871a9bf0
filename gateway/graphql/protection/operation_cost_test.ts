import assert from "node:assert/strict";
import { getOperationAST, GraphQLError, parse } from "graphql";
import { limits } from "../../../schema/limits.ts";
import { graphqlSchema } from "../graphql_schema.ts";
import { operationCost } from "./operation_cost.ts";

function costOf(text: string, variables: Record<string, unknown> = {}): number {
  const document = parse(text);
  return operationCost(graphqlSchema, document, getOperationAST(document)!, variables);
}

function assertCosts(costs: readonly [text: string, cost: number, variables?: object][]): void {
  for (const [text, cost, variables = {}] of costs) {
    assert.equal(costOf(text, { ...variables }), cost, `${text} ${JSON.stringify(variables)}`);
  }
}

Deno.test("operationCost() counts values of the answer, and what asks for more", () => {
  assertCosts([
    [`{ __typename }`, 1],
    [`{ player(id: "u") { id level } }`, 12],
    [`{ player(id: "u") { eventCounts { type } } }`, 10 + 1 + 20],
    [`{ game(id: "g") { ...A ... { ccu } } } fragment A on Game { id dau }`, 13],
    [`{ player(id: "u") { id @skip(if: true) } }`, 11],
    [`{ __schema { types { name } } }`, 5000],
    [`subscription { playerUpdated(id: "u") { id } }`, 2],
    [`subscription { eventStream { id } }`, 2],
    [`subscription { eventStream(since: "2026-01-01T00:00:00Z") { id } }`, 2002],
  ]);
});

Deno.test("operationCost() multiplies by the page that is asked for", () => {
  const page = (args: string, variables = "") =>
    `query ${variables} { events${args} { edges { cursor } pageInfo { endCursor } } }`;
  const cost = (items: number) => 2000 + 1 + items + 2;
  assertCosts([
    [page("(first: 100)"), cost(100)],
    [page(""), cost(50)],
    [page("(first: null)"), cost(50)],
    [page("(first: 5000)"), cost(limits.pageSizeMax)],
    [page("(first: -1)"), cost(0)],
    [page("(first: $n)", "($n: Int)"), cost(7), { n: 7 }],
    [page("(first: $n)", "($n: Int)"), cost(50), {}],
    [page("(first: $n)", "($n: Int)"), cost(50), { n: null }],
    [page("(first: $n)", "($n: Int = 9)"), cost(9), {}],
    [page("(first: $n)", "($n: Int = 9)"), cost(8), { n: 8 }],
    // Refused when it is coerced.
    [page("(first: $n)", "($n: Int)"), cost(0), { n: "1000" }],
    [
      `{ leaderboard(gameId: "g", board: "b", first: 30) { edges { node { rank score } } } }`,
      10 + 1 + 30 * 3,
    ],
  ]);
});

Deno.test("operationCost() multiplies by the days that are asked for, at most as many as there may be", () => {
  const days = (from: string, to: string) =>
    `{ game(id: "g") { days(from: "${from}", to: "${to}") { day dau } } }`;
  assertCosts([
    [days("2026-01-01", "2026-01-31"), 20 + 31 * 2],
    [days("1970-01-01", "2026-01-31"), 20 + limits.gameDaysMax * 2],
    [days("2026-01-31", "2026-01-01"), 20 + 2],
    [days("soon", "later"), 20 + 2],
  ]);
});

Deno.test("operationCost() counts the state of a past time high, however it is asked for", () => {
  const past = `query ($at: DateTime) { player(id: "u", asOf: $at) { id } }`;
  const byDefault = `query ($at: DateTime = "2026-01-01T00:00:00Z") {
    player(id: "u", asOf: $at) { id } }`;
  assertCosts([
    [`{ player(id: "u", asOf: "2026-01-01T00:00:00Z") { id } }`, 1011],
    [`{ player(id: "u", asOf: null) { id } }`, 11],
    [past, 1011, { at: "2026-01-01T00:00:00Z" }],
    [past, 11, { at: null }],
    [past, 11],
    [byDefault, 1011],
    [byDefault, 11, { at: null }],
  ]);
});

Deno.test("operationCost() passes the limit and refuses one more", () => {
  const cost = (count: number) => costOf(`{ ${"__typename ".repeat(count)} }`);
  assert.equal(cost(limits.graphqlCostMax), limits.graphqlCostMax);
  assert.throws(
    () => cost(limits.graphqlCostMax + 1),
    ({ extensions }: GraphQLError) =>
      extensions.code === "TOO_COMPLEX" && extensions.limit === "cost" &&
      extensions.max === limits.graphqlCostMax,
  );
});

Deno.test("operationCost() lets two of the largest pages with all their fields through, not three", () => {
  const pages = (count: number) =>
    `{ ${
      Array.from({ length: count }, (_, i) =>
        `p${i}: events(first: 1000, after: "${i}") { edges { cursor node { id type userId gameId
          sessionId timestamp receivedAt properties context position } } }`).join(" ")
    } }`;
  assert.equal(costOf(pages(2)), 2 * (2001 + 1000 * 20));
  assert.throws(() => costOf(pages(3)), /An operation may cost/);
});
