import assert from "node:assert/strict";
import { GraphQLError } from "graphql";
import { limits } from "../../../schema/limits.ts";
import { countTokens } from "./token_limits.ts";

/** The name of the limit that refuses `text`. */
function refusedBy(text: string): unknown {
  try {
    countTokens(text);
  } catch (error) {
    assert.ok(error instanceof GraphQLError);
    assert.equal(error.extensions.code, "TOO_COMPLEX");
    return error.extensions.limit;
  }
  return undefined;
}

const padded = (chars: number) => "{ a } #".padEnd(chars, "x");
const flat = (tokens: number) => `{${" a".repeat(tokens - 2)}}`;
const nested = (levels: number) => "{([".repeat(levels).slice(0, levels);
const directives = (count: number) => `{ a${" @b".repeat(count)} }`;

Deno.test("countTokens() counts what the parser reads, and no comments, commas or texts' insides", () => {
  assert.equal(countTokens(`{ a(b: "{{{{", c: [1, 2]) ...F } # {{{{`), 16);
  assert.equal(countTokens(""), 0);
});

Deno.test("countTokens() passes each limit and refuses one more", () => {
  const edges = [
    ["characters", padded, limits.graphqlQueryCharsMax],
    ["tokens", flat, limits.graphqlTokensMax],
    ["nesting", nested, limits.graphqlNestingMax],
    ["directives", directives, limits.graphqlDirectivesMax],
  ] as const;
  for (const [limit, text, max] of edges) {
    assert.equal(refusedBy(text(max)), undefined, limit);
    assert.equal(refusedBy(text(max + 1)), limit);
  }
});

Deno.test("countTokens() looks at brackets that are open at once, not at all there are", () => {
  assert.equal(refusedBy(`{ ${"a(b: [1]) ".repeat(limits.graphqlNestingMax)} }`), undefined);
});

Deno.test("countTokens() throws a syntax error for what is no token", () => {
  assert.throws(() => countTokens(`{ a(b: "open) }`), /Syntax Error: Unterminated string/);
});
