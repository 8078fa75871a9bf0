import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import type { GraphQLError } from "graphql";
import { operationParams } from "./operation_params.ts";
import {
  BadManifest,
  operationText,
  parseManifest,
  type PersistedOperations,
} from "./persisted_operations.ts";

const idOf = (text: string) => createHash("sha256").update(text).digest("hex");
const known = "{ player }";
const other = "{ game }";
const id = idOf(known);
const byId = new Map([[id, known]]);
const allow: PersistedOperations = { byId, only: false };
const only: PersistedOperations = { byId, only: true };

const ask = (params: object, persisted?: PersistedOperations) =>
  operationText(operationParams(params), persisted);

function codeOf(params: object, persisted?: PersistedOperations): unknown {
  try {
    ask(params, persisted);
  } catch (error) {
    return (error as GraphQLError).extensions.code;
  }
  return undefined;
}

/** The forms in which clients name an operation. */
const forms = (hash: string) => [
  { documentId: `sha256:${hash}` },
  { documentId: hash },
  { extensions: { persistedQuery: { version: 1, sha256Hash: hash } } },
  {
    documentId: `sha256:${hash}`,
    extensions: { persistedQuery: { version: 1, sha256Hash: hash } },
  },
];

Deno.test("operationText() finds a known operation by each form of its id, in both modes", () => {
  for (const form of forms(id)) {
    for (const persisted of [allow, only]) {
      assert.equal(ask(form, persisted), known);
      assert.equal(ask({ ...form, query: known }, persisted), known);
    }
  }
});

Deno.test("operationText() tells clients of unknown ids to send the text", () => {
  for (const form of forms(idOf(other))) {
    assert.equal(codeOf(form, allow), "PERSISTED_QUERY_NOT_FOUND");
    assert.equal(codeOf(form, only), "PERSISTED_QUERY_NOT_FOUND");
    assert.equal(codeOf(form), "PERSISTED_QUERY_NOT_SUPPORTED");
    assert.equal(ask({ ...form, query: other }, allow), other);
    // Nothing is added from outside.
    assert.equal(codeOf(form, allow), "PERSISTED_QUERY_NOT_FOUND");
  }
});

Deno.test("operationText() runs no other operation when the mode is only", () => {
  assert.equal(ask({ query: known }, only), known);
  assert.equal(codeOf({ query: other }, only), "PERSISTED_OPERATIONS_ONLY");
  assert.equal(codeOf({ query: `${known} ` }, only), "PERSISTED_OPERATIONS_ONLY");
  for (const form of forms(idOf(other))) {
    assert.equal(codeOf({ ...form, query: other }, only), "PERSISTED_OPERATIONS_ONLY");
  }
  for (const form of forms(id)) {
    assert.equal(codeOf({ ...form, query: other }, only), "BAD_REQUEST");
  }
  assert.equal(ask({ query: other }, allow), other);
  assert.equal(ask({ query: other }), other);
});

Deno.test("operationText() refuses ids that are none, that differ, or that are not the text's", () => {
  const wrong = [
    {},
    { documentId: "sha256:1234" },
    { documentId: id.toUpperCase() },
    { documentId: `md5:${id}` },
    { extensions: { persistedQuery: { sha256Hash: 7 } } },
    { extensions: { persistedQuery: { sha256Hash: null } } },
    { documentId: id, extensions: { persistedQuery: { sha256Hash: idOf(other) } } },
    { documentId: id, query: other },
  ];
  for (const params of wrong) {
    assert.equal(codeOf(params, allow), "BAD_REQUEST", JSON.stringify(params));
  }
  assert.equal(codeOf({ extensions: { persistedQuery: null }, query: other }, allow), undefined);
});

Deno.test("parseManifest() reads both shapes of a manifest and both forms of ids", () => {
  const checked: string[] = [];
  const read = (manifest: unknown) =>
    parseManifest(JSON.stringify(manifest), (text) => void checked.push(text));
  const both = new Map([[id, known], [idOf(other), other]]);
  assert.deepEqual(read({ [id]: known, [`sha256:${idOf(other)}`]: other }), both);
  const operations = [...both].map(([id, body]) => ({ id, body, name: "N", type: "query" }));
  const apollo = { format: "apollo-persisted-query-manifest", version: 1, operations };
  assert.deepEqual(read(apollo), both);
  assert.deepEqual(checked, [known, other, known, other]);
});

Deno.test("parseManifest() refuses what is no manifest, and says why", () => {
  const wrong: [json: string, why: RegExp][] = [
    ["{", /it is not JSON/],
    ["[]", /must be an object/],
    ["null", /must be an object/],
    ["{}", /it has no operation/],
    [`{"operations":[]}`, /it has no operation/],
    [`{"operations":{}}`, /operations must be a list/],
    [`{"operations":[null]}`, /undefined is not the SHA-256/],
    [JSON.stringify({ [id]: other }), new RegExp(`${id} is not the SHA-256 of its operation`)],
    [JSON.stringify({ [id]: 7 }), /is not the SHA-256/],
    [JSON.stringify({ ["x".repeat(500)]: known }), /^x{80} is not the SHA-256/],
  ];
  for (const [json, why] of wrong) {
    assert.throws(() => parseManifest(json, () => {}), (error) => {
      assert.ok(error instanceof BadManifest);
      assert.match(error.message, why);
      return true;
    });
  }
  const refuse = () => {
    throw new Error("there is no such field");
  };
  assert.throws(
    () => parseManifest(JSON.stringify({ [id]: known }), refuse),
    /can never run: there is no such field/,
  );
});
