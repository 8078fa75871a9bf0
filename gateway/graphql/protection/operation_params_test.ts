import assert from "node:assert/strict";
import { GraphQLError } from "graphql";
import { limits } from "../../../schema/limits.ts";
import { assertSmall, operationParams } from "./operation_params.ts";

function refusedBy(variables: Record<string, unknown>): unknown {
  try {
    assertSmall(variables);
  } catch (error) {
    assert.ok(error instanceof GraphQLError);
    assert.equal(error.extensions.code, "TOO_COMPLEX");
    return error.extensions.limit;
  }
  return undefined;
}

Deno.test("assertSmall() passes each limit and refuses one more", () => {
  const deep = (depth: number) => {
    let value: unknown = 1;
    for (let i = 1; i < depth; i++) value = i % 2 ? [value] : { a: value };
    return { a: value };
  };
  const edges: [limit: string, max: number, make: (n: number) => Record<string, unknown>][] = [
    ["variables_depth", limits.jsonDepthMax, deep],
    ["variables", limits.graphqlVariablesMax, (n) => ({ a: Array(n - 1).fill(1) })],
    [
      "variables_characters",
      limits.graphqlVariablesCharsMax,
      (n) => ({ name: { other: "x".repeat(n - "nameother".length) } }),
    ],
  ];
  for (const [limit, max, make] of edges) {
    assert.equal(refusedBy(make(max)), undefined, limit);
    assert.equal(refusedBy(make(max + 1)), limit);
  }
});

Deno.test("assertSmall() survives variables as deep or as wide as a body allows", () => {
  const half = limits.graphqlBodyBytesMax / 2;
  assert.equal(
    refusedBy({ a: JSON.parse("[".repeat(half) + "]".repeat(half)) }),
    "variables_depth",
  );
  assert.equal(refusedBy({ a: Array(half).fill(0) }), "variables");
});

Deno.test("operationParams() takes the members that there are", () => {
  assert.deepEqual(operationParams({ query: "{ a }", variables: null, operationName: "" }), {
    query: "{ a }",
    variables: {},
    operationName: undefined,
    extensions: {},
    documentId: undefined,
  });
  const all = {
    query: "{ a }",
    variables: { b: 1 },
    operationName: "C",
    extensions: { d: 2 },
    documentId: "e",
  };
  assert.deepEqual(operationParams(all), all);
});

Deno.test("operationParams() refuses batches and members of other types", () => {
  const wrong: [params: unknown, why: RegExp][] = [
    [[{ query: "{ a }" }], /batches are not taken/],
    [undefined, /Send an object/],
    [null, /Send an object/],
    ["{ a }", /Send an object/],
    [{ query: 7 }, /query must be a text/],
    [{ query: "{ a }", variables: [] }, /variables must be an object/],
    [{ query: "{ a }", variables: "{}" }, /variables must be an object/],
    [{ query: "{ a }", operationName: {} }, /operationName must be a text/],
    [{ query: "{ a }", extensions: 1 }, /extensions must be an object/],
    [{ documentId: ["x"] }, /documentId must be a text/],
  ];
  for (const [params, why] of wrong) {
    assert.throws(() => operationParams(params), (error: GraphQLError) => {
      assert.match(error.message, why);
      return error.extensions.code === "BAD_REQUEST";
    });
  }
});
