import assert from "node:assert/strict";
import { GraphQLError } from "graphql";
import { limits } from "../../../schema/limits.ts";
import { graphqlSchema } from "../graphql_schema.ts";
import { checkDocument, DocumentRefused, Documents } from "./documents.ts";

const refusalOf = (text: string): readonly GraphQLError[] => {
  try {
    checkDocument(graphqlSchema, text);
  } catch (error) {
    if (error instanceof DocumentRefused) return error.errors;
    assert.ok(error instanceof GraphQLError);
    return [error];
  }
  throw new Error(`Let in: ${text}`);
};

Deno.test("checkDocument() refuses with a code and the status of a refusal", () => {
  const wrong: [text: string, code: string][] = [
    ["", "GRAPHQL_PARSE_FAILED"],
    ["{", "GRAPHQL_PARSE_FAILED"],
    [`{ a(b: "open) }`, "GRAPHQL_PARSE_FAILED"],
    ["{ nothing }", "GRAPHQL_VALIDATION_FAILED"],
    ["{ player { id } }", "GRAPHQL_VALIDATION_FAILED"],
    [`{ player(id: "u", asOf: "soon") { id } }`, "BAD_USER_INPUT"],
    [`{ a: ${"x{".repeat(100)}`, "TOO_COMPLEX"],
  ];
  for (const [text, code] of wrong) {
    const [error] = refusalOf(text);
    assert.equal(error!.extensions.code, code, text);
    assert.deepEqual(error!.extensions.http, { spec: true, status: 400 }, text);
  }
});

Deno.test("checkDocument() tells a bounded number of faults", () => {
  const faults = (count: number) =>
    refusalOf(`{ ${Array.from({ length: count }, (_, i) => `nothing${i}`).join(" ")} }`);
  assert.equal(faults(limits.graphqlErrorsMax).length, limits.graphqlErrorsMax);
  const told = faults(limits.graphqlErrorsMax + 20);
  assert.equal(told.length, limits.graphqlErrorsMax + 1);
  assert.match(told.at(-1)!.message, /Too many validation errors/);
});

Deno.test("checkDocument() counts tokens and sees who reads the schema", () => {
  const { tokens, introspects } = checkDocument(graphqlSchema, "{ __schema { description } }");
  assert.deepEqual({ tokens, introspects }, { tokens: 6, introspects: true });
});

Deno.test("checkDocument() without bounds parses what the limits would refuse", () => {
  const aliases = Array.from({ length: 500 }, (_, i) => `a${i}: __typename`).join(" ");
  assert.equal(checkDocument(graphqlSchema, `{ ${aliases} }`, false).introspects, false);
});

/** A document of five tokens. */
const text = (name: string) => `query ${name} { __typename }`;
const tokens = 5;

Deno.test("Documents keeps those that were used last", () => {
  const documents = new Documents(graphqlSchema, { documentsMax: 2 });
  const [a, b] = [documents.get(text("A")), documents.get(text("B"))];
  assert.equal(documents.get(text("A")), a);
  documents.get(text("C"));
  assert.equal(documents.size, 2);
  assert.equal(documents.get(text("A")), a);
  assert.notEqual(documents.get(text("B")), b);
});

Deno.test("Documents is bounded by the tokens of all it keeps", () => {
  const documents = new Documents(graphqlSchema, { tokensMax: 3 * tokens });
  for (let i = 0; i < 3; i++) documents.get(text(`Q${i}`));
  assert.deepEqual([documents.size, documents.tokens], [3, 3 * tokens]);
  documents.get(text("Q3"));
  assert.deepEqual([documents.size, documents.tokens], [3, 3 * tokens]);
  const long = `{ ${"__typename ".repeat(2 * tokens - 2)} }`;
  documents.get(long);
  assert.deepEqual([documents.size, documents.tokens], [2, 3 * tokens]);
});

Deno.test("Documents is bounded by its limits under documents that are all different", () => {
  const documents = new Documents(graphqlSchema);
  for (let i = 0; i < limits.graphqlCachedDocumentsMax + 50; i++) documents.get(text(`Q${i}`));
  assert.equal(documents.size, limits.graphqlCachedDocumentsMax);
  for (let i = 0; i < 100; i++) {
    documents.get(`query L${i} { ${"__typename ".repeat(60)} player(id: "u") {
      ${Array.from({ length: 40 }, (_, j) => `a${j}: id`).join(" ")}
      ${Array.from({ length: 10 }, (_, j) => `... { b${j}: revenueMinor(currency: "USD") }`)} } }`);
  }
  for (let i = 0; i < 300; i++) {
    documents.get(
      `query M${i} { player(id: "u") { ${
        "... { ... { ... { ... { ... { ... { level } } } } } } ".repeat(15)
      } } }`,
    );
  }
  assert.ok(documents.tokens <= limits.graphqlCachedTokensMax);
  assert.ok(documents.tokens > limits.graphqlCachedTokensMax * 0.9);
  assert.ok(documents.size < 300, `${documents.size}`);
});

Deno.test("Documents keeps nothing that it refuses", () => {
  const documents = new Documents(graphqlSchema);
  for (const wrong of ["{", "{ nothing }", `{ player(id: "u", asOf: 1) { id } }`]) {
    assert.throws(() => documents.get(wrong));
  }
  assert.deepEqual([documents.size, documents.tokens], [0, 0]);
});
