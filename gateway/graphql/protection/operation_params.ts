/**
 * What a client sends, held to shape and size before anything of it is used. The same for every
 * transport.
 *
 * @module
 */
import { limits } from "../../../schema/limits.ts";
import { refusal, tooComplex } from "../errors.ts";

/** A request as it came. `query` may be left out where there is an id. */
export interface OperationParams {
  readonly query: string | undefined;
  readonly variables: Readonly<Record<string, unknown>>;
  readonly operationName: string | undefined;
  readonly extensions: Readonly<Record<string, unknown>>;
  /** Of a persisted document, as GraphQL over HTTP names it. */
  readonly documentId: string | undefined;
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const bad = (message: string) => refusal("BAD_REQUEST", message);

function textOf(name: string, value: unknown): string | undefined {
  if (value === undefined || value === null || value === "") return undefined;
  if (typeof value === "string") return value;
  throw bad(`${name} must be a text`);
}

function objectOf(name: string, value: unknown): Readonly<Record<string, unknown>> {
  if (value === undefined || value === null) return {};
  if (isObject(value)) return value;
  throw bad(`${name} must be an object`);
}

/**
 * Bounds the variables without recursion: they may nest as deep as a body is long.
 *
 * @throws {GraphQLError} `TOO_COMPLEX`
 */
export function assertSmall(variables: Readonly<Record<string, unknown>>): void {
  const { graphqlVariablesMax, graphqlVariablesCharsMax, jsonDepthMax } = limits;
  let chars = 0;
  let values = 0;
  const waiting: [value: unknown, depth: number][] = [[variables, 0]];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const [value, depth] = next;
    if (depth > jsonDepthMax) {
      throw tooComplex(
        "variables_depth",
        jsonDepthMax,
        `variables may nest ${jsonDepthMax} levels`,
      );
    }
    if (values++ > graphqlVariablesMax) {
      const message = `variables may have ${graphqlVariablesMax} values`;
      throw tooComplex("variables", graphqlVariablesMax, message);
    }
    if (typeof value === "string") chars += value.length;
    else if (typeof value === "object" && value !== null) {
      for (const [name, inner] of Object.entries(value)) {
        chars += name.length;
        waiting.push([inner, depth + 1]);
        if (waiting.length > graphqlVariablesMax + 1) break;
      }
    }
    if (chars > graphqlVariablesCharsMax) {
      const message = `variables may have ${graphqlVariablesCharsMax} characters`;
      throw tooComplex("variables_characters", graphqlVariablesCharsMax, message);
    }
  }
}

/**
 * The request's members, of the right types.
 *
 * @throws {GraphQLError} `BAD_REQUEST`
 */
export function operationParams(params: unknown): OperationParams {
  if (Array.isArray(params)) throw bad("Send one operation a request: batches are not taken");
  if (!isObject(params)) throw bad("Send an object with query, variables and operationName");
  return {
    query: textOf("query", params.query),
    variables: objectOf("variables", params.variables),
    operationName: textOf("operationName", params.operationName),
    extensions: objectOf("extensions", params.extensions),
    documentId: textOf("documentId", params.documentId),
  };
}
