/**
 * Errors as GraphQL clients see them: a stable `extensions.code`, and nothing of our insides.
 *
 * @module
 */
import { GraphQLError, type GraphQLErrorExtensions } from "graphql";
import { ActorHalted, InvalidInput, OutcomeUnknown, Unavailable } from "../../schema/errors.ts";
import { Forbidden } from "../access.ts";
import type { GatewayLog } from "../deps.ts";
import { Problem } from "../problem.ts";

/**
 * `extensions.code`, of every error there is. The last ones are those that clients of GraphQL know by
 * these names.
 */
export type GraphqlErrorCode =
  | "BAD_USER_INPUT"
  | "FORBIDDEN"
  | "TOO_COMPLEX"
  | "RATE_LIMITED"
  | "TOO_MANY_OPERATIONS"
  | "TIMEOUT"
  | "GAP"
  | "UNAVAILABLE"
  | "INTERNAL_SERVER_ERROR"
  | "BAD_REQUEST"
  | "GRAPHQL_PARSE_FAILED"
  | "GRAPHQL_VALIDATION_FAILED"
  | "OPERATION_RESOLUTION_FAILURE"
  | "PERSISTED_QUERY_NOT_FOUND"
  | "PERSISTED_QUERY_NOT_SUPPORTED"
  | "PERSISTED_OPERATIONS_ONLY";

/** @param more further extensions, fit for the client */
export function graphqlError(
  code: GraphqlErrorCode,
  message: string,
  more: Readonly<Record<string, unknown>> = {},
): GraphQLError {
  return new GraphQLError(message, { extensions: { code, ...more } });
}

/**
 * A request that is refused before anything is executed. It carries the status that GraphQL over HTTP
 * wants: clients of `application/graphql-response+json` see it, the others see 200.
 */
export function refusal(
  code: GraphqlErrorCode,
  message: string,
  more: Readonly<Record<string, unknown>> = {},
): GraphQLError {
  return graphqlError(code, message, { ...more, http: { spec: true, status: 400 } });
}

/** Refuses what goes beyond a limit. @param limit its name, as programs may read it */
export function tooComplex(limit: string, max: number, message: string): GraphQLError {
  return refusal("TOO_COMPLEX", message, { limit, max });
}

/** A copy of an error with another message or other extensions. */
export function rewritten(
  error: GraphQLError,
  changes: { readonly message?: string; readonly extensions?: GraphQLErrorExtensions },
): GraphQLError {
  const { message = error.message, extensions = error.extensions } = changes;
  const { nodes, source, positions, path, originalError } = error;
  const copied = Object.entries({ nodes, source, positions, path, originalError })
    .filter(([, value]) => value !== undefined);
  return new GraphQLError(message, { ...Object.fromEntries(copied), extensions });
}

/** What was thrown first, under the wrappers that GraphQL puts around it. */
export function rootOf(error: unknown): unknown {
  let root = error;
  while (root instanceof GraphQLError && root.originalError) root = root.originalError;
  return root;
}

function codeAndMessage(root: unknown): [GraphqlErrorCode, string] {
  if (root instanceof Forbidden) return ["FORBIDDEN", root.message];
  if (root instanceof InvalidInput) return ["BAD_USER_INPUT", root.message];
  if (root instanceof Problem && root.status === 429) return ["RATE_LIMITED", root.detail];
  if (root instanceof Problem && root.status === 503) return ["UNAVAILABLE", root.detail];
  if (root instanceof Unavailable || root instanceof OutcomeUnknown) {
    return ["UNAVAILABLE", "This cannot be read right now: try again in a second"];
  }
  if (root instanceof ActorHalted) {
    return ["UNAVAILABLE", "This one cannot be read until an operator has mended it"];
  }
  return ["INTERNAL_SERVER_ERROR", "The request failed on our side"];
}

/** What a problem that a resolver threw means to the answer over HTTP, as {@link refusal} does. */
const httpOf = ({ status, options }: Problem) => ({
  spec: true,
  status,
  headers: options.headers ?? {},
});

/** A masker for graphql-yoga: lets GraphQL's own errors through, rewrites all others. */
export function errorMasker(log: GatewayLog): (error: unknown) => GraphQLError {
  return (error) => {
    const root = rootOf(error);
    if (root instanceof GraphQLError && error instanceof GraphQLError) return error;
    const [code, message] = codeAndMessage(root);
    if (code === "INTERNAL_SERVER_ERROR") {
      const stack = root instanceof Error ? root.stack : undefined;
      log.error("A GraphQL resolver failed", { error: String(root), stack });
    }
    const { nodes, path } = error instanceof GraphQLError ? error : {};
    const http = root instanceof Problem ? { http: httpOf(root) } : {};
    return new GraphQLError(message, {
      ...(nodes === undefined ? {} : { nodes }),
      ...(path === undefined ? {} : { path }),
      extensions: { code, ...http },
    });
  };
}
