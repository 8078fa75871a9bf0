import assert from "node:assert/strict";
import { GraphQLError, parse } from "graphql";
import { limits } from "../../../schema/limits.ts";
import { assertSimple } from "./document_limits.ts";

/** The name of the limit that refuses `text`. */
function refusedBy(text: string): unknown {
  const document = parse(text);
  try {
    assertSimple(document);
  } catch (error) {
    assert.ok(error instanceof GraphQLError);
    assert.equal(error.extensions.code, "TOO_COMPLEX");
    return error.extensions.limit;
  }
  return undefined;
}

const many = (count: number, text: (i: number) => string) =>
  Array.from({ length: count }, (_, i) => text(i)).join(" ");
/** Fields down to `depth`. */
const deep = (field: string, depth: number) =>
  `{ ${field} ${"{ a ".repeat(depth - 1)}${"}".repeat(depth - 1)} }`;
const pairs = (field: string, count: number) => `${field} `.repeat(count);

Deno.test("assertSimple() passes each limit and refuses one more", () => {
  const edges: [limit: string, max: number, text: (count: number) => string][] = [
    ["operations", limits.graphqlOperationsMax, (n) => many(n, (i) => `query Q${i} { a }`)],
    [
      "fragments",
      limits.graphqlFragmentsMax,
      (n) => `{ a } ${many(n, (i) => `fragment F${i} on Query { a }`)}`,
    ],
    ["depth", limits.graphqlDepthMax, (n) => deep("a", n)],
    ["depth", limits.graphqlIntrospectionDepthMax, (n) => deep("__schema", n)],
    ["aliases", limits.graphqlAliasesMax, (n) => `{ a { ${many(n, (i) => `a${i}: b`)} } }`],
    ["root_fields", limits.graphqlRootFieldsMax, (n) => `{ ${many(n, (i) => `f${i}`)} }`],
    ["selections", limits.graphqlSelectionsMax, (n) => `{ a { ${many(n - 1, (i) => `f${i}`)} } }`],
  ];
  for (const [limit, max, text] of edges) {
    assert.equal(refusedBy(text(max)), undefined, limit);
    assert.equal(refusedBy(text(max + 1)), limit);
  }
});

Deno.test("assertSimple() counts pairs of fields with one place in the answer", () => {
  // 63 fields are 1953 pairs, 10 are 45, 2 are one.
  const all = `${pairs("a", 63)} ${pairs("b", 10)} ${pairs("c", 2)} ${pairs("d", 2)}`;
  assert.equal(limits.graphqlOverlapsMax, 1953 + 45 + 1 + 1);
  assert.equal(refusedBy(`{ r { ${all} } }`), undefined);
  assert.equal(refusedBy(`{ r { ${all} e e } }`), "overlaps");
  // Merged by their alias, and across fields that are merged themselves.
  const aliased = many(32, () => "x: a");
  assert.equal(refusedBy(`{ r { ${aliased} } r { ${pairs("x", 33)} } }`), "overlaps");
  assert.equal(refusedBy(`{ r { ${aliased} } s { ${pairs("x", 33)} } }`), undefined);
});

Deno.test("assertSimple() expands fragments as execution would", () => {
  const spreads = (times: number, aliases: number) =>
    `{ ${many(times, (i) => `f${i} { ...A }`)} }
     fragment A on T { ${many(aliases, (i) => `a${i}: b`)} }`;
  assert.equal(refusedBy(spreads(2, limits.graphqlAliasesMax / 2)), undefined);
  assert.equal(refusedBy(spreads(2, limits.graphqlAliasesMax / 2 + 1)), "aliases");
  const inline = (n: number) => `{ ${"... { ".repeat(n)} a { b } ${"}".repeat(n)} }`;
  assert.equal(refusedBy(inline(30)), undefined, "inline fragments are no levels");
  const deepFragment = (n: number) => `{ a { ...F } } fragment F on T ${deep("a", n)}`;
  assert.equal(refusedBy(deepFragment(limits.graphqlDepthMax - 1)), undefined);
  assert.equal(refusedBy(deepFragment(limits.graphqlDepthMax)), "depth");
  const bomb = many(40, (i) => `fragment F${i} on Query { ...F${i + 1} ...F${i + 1} }`);
  assert.equal(refusedBy(`{ ...F0 } ${bomb} fragment F40 on Query { a }`), "overlaps");
  assert.equal(refusedBy(`{ ...F0 } ${bomb}`), "selections");
});

Deno.test("assertSimple() ends in a cycle, and looks at fragments that nothing spreads", () => {
  assert.equal(
    refusedBy("{ a { ...A } } fragment A on T { ...B } fragment B on T { ...A ...Nobody }"),
    undefined,
  );
  const aliases = many(limits.graphqlAliasesMax + 1, (i) => `a${i}: b`);
  assert.equal(refusedBy(`{ a } fragment Unused on T { ${aliases} }`), "aliases");
});

Deno.test("assertSimple() tells who reads the schema", () => {
  const reads = (text: string) => assertSimple(parse(text)).introspects;
  assert.equal(reads("{ __schema { types { name } } }"), true);
  assert.equal(reads(`{ x: __type(name: "Player") { name } }`), true);
  assert.equal(reads("{ ... { ...F } } fragment F on Query { __schema { description } }"), true);
  assert.equal(reads("query A { a } query B { __schema { description } }"), true);
  assert.equal(reads(`{ a } fragment F on Query { __schema { description } }`), true);
  assert.equal(reads("{ __typename __schema_: a a { __typename } }"), false);
});
