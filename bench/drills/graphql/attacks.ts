/**
 * What hostile GraphQL clients send. As far as they can be, the documents are valid: without limits
 * they would be executed, and ask hundreds of actors and the store.
 *
 * @module
 */

/** One request that must be refused before anything is executed. */
export interface Attack {
  readonly name: string;
  /** What is sent: one operation, several, or a whole text. */
  readonly body: unknown;
  /** Codes that its errors may have. */
  readonly codes: readonly string[];
  /** Status over HTTP. @default 200, as GraphQL over HTTP has it for `application/json` */
  readonly status?: readonly number[];
  /** Code that a WebSocket is closed with; without one it is answered and goes on. */
  readonly close?: number;
}

const tooComplex = ["TOO_COMPLEX"];

/** `text(0) text(1) …` */
const many = (count: number, text: (i: number) => string): string =>
  Array.from({ length: count }, (_, i) => text(i)).join(" ");

const nested = (open: string, inner: string, depth: number): string =>
  open.repeat(depth) + inner + "}".repeat(depth);

/** Each fragment spreads the next one twice: 2^depth fields. */
const bomb = (depth: number): string =>
  `{ ...F0 } ${
    many(depth, (i) => `fragment F${i} on Query { ...F${i + 1} ...F${i + 1} }`)
  } fragment F${depth} on Query { player(id: "u-0") { id } }`;

const query = (text: string) => ({ query: text });

export const attacks: readonly Attack[] = [
  {
    name: "depth 50",
    body: query(`{ __type(name: "Player") { ${nested("ofType { ", "name", 49)} } }`),
    codes: tooComplex,
  },
  {
    name: "brackets 900 deep",
    body: query(`{ player(id: ${"[".repeat(900)}1${"]".repeat(900)}) { id } }`),
    codes: tooComplex,
  },
  {
    name: "1,000 aliases",
    body: query(`{ ${many(1000, (i) => `a${i}: events(first: 1) { edges { cursor } }`)} }`),
    codes: tooComplex,
  },
  {
    name: "240 aliases of the past",
    body: query(
      `{ ${many(240, (i) => `a${i}:player(id:"u-${i % 50}",asOf:"2026-01-01T00:00:00Z"){id}`)} }`,
    ),
    codes: tooComplex,
  },
  {
    name: "fragment cycle",
    body: query(
      `{ player(id: "u-0") { ...A } } fragment A on Player { ...B } fragment B on Player { ...A }`,
    ),
    codes: ["GRAPHQL_VALIDATION_FAILED"],
  },
  { name: "fragment bomb", body: query(bomb(20)), codes: tooComplex },
  {
    name: "directive flood",
    body: query(
      `{ events(first: 1) { edges { ${many(300, () => "cursor @include(if: true)")} } } }`,
    ),
    codes: tooComplex,
  },
  {
    name: "fields that overlap",
    body: query(`{ events(first: 1) { edges { ${"cursor ".repeat(1900)} } } }`),
    codes: tooComplex,
  },
  {
    name: "four full pages",
    body: query(
      `{ ${
        many(4, (i) =>
          `p${i}: events(first: 1000, filter: { types: ["t${i}"] }) { edges { cursor node {
            id type userId gameId timestamp receivedAt properties context position } } }`)
      } }`,
    ),
    codes: tooComplex,
  },
  {
    name: "variables 5,000 deep",
    body: `{"query":"query($a: EventFilter){events(first:1,filter:$a){edges{cursor}}}",` +
      `"variables":{"a":${"[".repeat(5000)}${"]".repeat(5000)}}}`,
    codes: tooComplex,
  },
  {
    name: "batch of 100",
    body: Array.from({ length: 100 }, () => query("{ events(first: 1) { edges { cursor } } }")),
    codes: ["BAD_REQUEST"],
    status: [400],
    close: 4400,
  },
  {
    name: "query of 1 MiB",
    body: query(`{ events(first: 1) { edges { cursor } } } #${"x".repeat(1024 * 1024)}`),
    codes: ["too_large"],
    status: [413],
    close: 1009,
  },
];
