import assert from "node:assert/strict";
import { getIntrospectionQuery, GraphQLError } from "graphql";
import { limits } from "../../../schema/limits.ts";
import { type AccessRole, principalOf } from "../../../schema/principal.ts";
import { graphqlSchema } from "../graphql_schema.ts";
import { Admission } from "./admission.ts";
import { DocumentRefused } from "./documents.ts";

const as = (role: AccessRole) => principalOf({ id: role, role, studio: "demo" });
const admin = as("admin");
const admission = new Admission(graphqlSchema);

/** Code and message of what `params` are refused with. */
function refusalOf(params: unknown, role: AccessRole = "admin", door = admission) {
  try {
    door.admit(params, as(role));
  } catch (error) {
    const [first] = error instanceof DocumentRefused ? error.errors : [error];
    assert.ok(first instanceof GraphQLError);
    return { code: first.extensions.code, message: first.message };
  }
  return undefined;
}

Deno.test("admit() tells what it lets in", () => {
  const query = `query A($n: Int) { events(first: $n) { edges { cursor } } }
    subscription B { eventStream { id } }`;
  const a = admission.admit({ query, operationName: "A", variables: { n: 3 } }, admin);
  assert.equal(a.text, query);
  assert.deepEqual([a.cost, a.isSubscription, a.operationName], [2004, false, "A"]);
  assert.deepEqual(a.variables, { n: 3 });
  const b = admission.admit({ query, operationName: "B" }, admin);
  assert.deepEqual([b.cost, b.isSubscription, b.document === a.document], [2, true, true]);
});

Deno.test("admit() shows the schema to those who work with it, and to no client's key or player", () => {
  const asks = [
    getIntrospectionQuery({ oneOf: false }),
    `{ __schema { description } }`,
    `{ x: __type(name: "Player") { name } }`,
    `{ ...F } fragment F on Query { __schema { description } }`,
  ];
  const may: Record<AccessRole, boolean> = {
    writer: false,
    player: false,
    reader: true,
    analyst: true,
    operator: true,
    admin: true,
  };
  for (const [role, isAllowed] of Object.entries(may) as [AccessRole, boolean][]) {
    for (const query of asks) {
      const code = refusalOf({ query }, role)?.code;
      assert.equal(code, isAllowed ? undefined : "FORBIDDEN", `${role} ${query}`);
    }
    assert.equal(refusalOf({ query: `{ __typename }` }, role), undefined);
  }
});

Deno.test("admit() suggests names to those alone who may read the schema", () => {
  const query = `{ playr(id: "u") { id } }`;
  assert.match(refusalOf({ query }, "reader")!.message, /Did you mean "player"\?$/);
  for (const role of ["player", "writer"] as const) {
    assert.equal(
      refusalOf({ query }, role)!.message,
      `Cannot query field "playr" on type "Query".`,
    );
    // Others' requests for the same do not change that.
    assert.match(refusalOf({ query }, "admin")!.message, /Did you mean/);
  }
});

Deno.test("admit() refuses operations that are not there", () => {
  const two = `query A { __typename } query B { __typename }`;
  const wrong: [params: object, code: string][] = [
    [{ query: two }, "OPERATION_RESOLUTION_FAILURE"],
    [{ query: two, operationName: "C" }, "OPERATION_RESOLUTION_FAILURE"],
    [{ query: `mutation { drop }` }, "GRAPHQL_VALIDATION_FAILED"],
    [{ query: `mutation { __typename }` }, "GRAPHQL_VALIDATION_FAILED"],
    [{ query: `type A { b: Int }` }, "GRAPHQL_VALIDATION_FAILED"],
    [{}, "BAD_REQUEST"],
  ];
  for (const [params, code] of wrong) {
    assert.equal(refusalOf(params)?.code, code, JSON.stringify(params));
  }
});

Deno.test("admit() adds the cost of the operation that is run, not of others beside it", () => {
  const page = (i: number) =>
    `p${i}: events(first: 1000) { edges { node { ${"id ".repeat(9)} } } }`;
  const query = `query Small { __typename } query Large {
    ${Array.from({ length: 5 }, (_, i) => page(i)).join(" ")} }`;
  assert.equal(admission.admit({ query, operationName: "Small" }, admin).cost, 1);
  assert.equal(refusalOf({ query, operationName: "Large" })?.code, "TOO_COMPLEX");
});

Deno.test("admit() holds variables to limits, and nothing at all without bounds", () => {
  const open = new Admission(graphqlSchema, undefined, false);
  const many = limits.graphqlAliasesMax + 1;
  const aliases = Array.from({ length: many }, (_, i) => `a${i}: __typename`).join(" ");
  const costly = [
    { query: `{ ${aliases} }` },
    { query: "{ __typename }", variables: { a: Array(limits.graphqlVariablesMax).fill(0) } },
  ];
  for (const params of costly) {
    assert.equal(refusalOf(params)?.code, "TOO_COMPLEX");
    assert.equal(refusalOf(params, "admin", open), undefined);
  }
});
