/**
 * Errors as GraphQL clients see them: a stable `extensions.code`, and nothing of our insides.
 *
 * @module
 */
import { GraphQLError } from "graphql";
import { ActorHalted, InvalidInput, OutcomeUnknown, Unavailable } from "../../schema/errors.ts";
import { Forbidden } from "../access.ts";
import type { GatewayLog } from "../deps.ts";

/** `extensions.code` of our errors; those of GraphQL itself (syntax, validation) have none. */
export type GraphqlErrorCode =
  | "BAD_USER_INPUT"
  | "FORBIDDEN"
  | "TOO_COMPLEX"
  | "RATE_LIMITED"
  | "UNAVAILABLE"
  | "INTERNAL_SERVER_ERROR";

export function graphqlError(code: GraphqlErrorCode, message: string): GraphQLError {
  return new GraphQLError(message, { extensions: { code } });
}

/** What was thrown first, under the wrappers that GraphQL puts around it. */
function rootOf(error: unknown): unknown {
  let root = error;
  while (root instanceof GraphQLError && root.originalError) root = root.originalError;
  return root;
}

function codeAndMessage(root: unknown): [GraphqlErrorCode, string] {
  if (root instanceof Forbidden) return ["FORBIDDEN", root.message];
  if (root instanceof InvalidInput) return ["BAD_USER_INPUT", root.message];
  if (root instanceof Unavailable || root instanceof OutcomeUnknown) {
    return ["UNAVAILABLE", "This cannot be read right now: try again in a second"];
  }
  if (root instanceof ActorHalted) {
    return ["UNAVAILABLE", "This one cannot be read until an operator has mended it"];
  }
  return ["INTERNAL_SERVER_ERROR", "The request failed on our side"];
}

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
    return new GraphQLError(message, {
      ...(nodes === undefined ? {} : { nodes }),
      ...(path === undefined ? {} : { path }),
      extensions: { code },
    });
  };
}
