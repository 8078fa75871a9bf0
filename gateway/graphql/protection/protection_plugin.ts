/**
 * The door, put into graphql-yoga: what {@link Admission} lets in is what it executes.
 *
 * @module
 */
import { GraphQLError } from "graphql";
import type { GraphQLParams, Plugin } from "graphql-yoga";
import type { Principal } from "../../auth.ts";
import { mayIntrospect } from "../../rights/rights.ts";
import type { GraphqlContext } from "../context.ts";
import { graphqlError, refusal, rewritten, rootOf } from "../errors.ts";
import { type Admission, type Admitted, withoutSuggestion } from "./admission.ts";
import type { Outcome, RunningOperations } from "./running_operations.ts";

/** A request's members; a document's id is no member that graphql-yoga reads from a URL. */
function paramsOf(params: GraphQLParams, request: Request): unknown {
  if (request.method !== "GET" || typeof params !== "object" || params === null) return params;
  const documentId = new URL(request.url).searchParams.get("documentId");
  return documentId === null ? params : { ...params, documentId };
}

/** What graphql-yoga throws for text that is no JSON: the parser's error, bare or within its own. */
function notJson(error: unknown): GraphQLError | undefined {
  if (error instanceof SyntaxError) {
    return refusal("BAD_REQUEST", "variables and extensions must be JSON");
  }
  if (!(error instanceof GraphQLError) || error.extensions.originalError === undefined) {
    return undefined;
  }
  return graphqlError("BAD_REQUEST", "The body must be JSON", { http: { status: 400 } });
}

/**
 * Errors of a result, each with a code. What execution finds wrong with variables has none; what a
 * resolver threw is behind `originalError`, and the masker's.
 */
function withCodes(outcome: Outcome, principal: Principal): Outcome {
  const result = outcome as { readonly errors?: readonly unknown[] } | null | undefined;
  if (!Array.isArray(result?.errors) || result.errors.length === 0) return outcome;
  const errors = result.errors.map((error) => {
    if (!(error instanceof GraphQLError && rootOf(error) instanceof GraphQLError)) return error;
    const told = mayIntrospect(principal) ? error : withoutSuggestion(error);
    if (told.extensions.code !== undefined) return told;
    return rewritten(told, { extensions: { ...told.extensions, code: "BAD_USER_INPUT" } });
  });
  return { ...result, errors };
}

/** @param admission lets operations in; those of `graphql-transport-ws` have been let in before */
export function protection(
  admission: Admission,
  running: RunningOperations,
): Plugin<GraphqlContext, GraphqlContext> {
  const admitted = new WeakMap<object, Admitted>();
  return {
    onRequestParse({ requestParser, setRequestParser }) {
      if (requestParser === undefined) return;
      setRequestParser(async (request) => {
        try {
          return await requestParser(request);
        } catch (error) {
          throw notJson(error) ?? error;
        }
      });
    },
    onParams({ params, request, context, setParams }) {
      const { principal, charge } = context as unknown as GraphqlContext;
      const operation = admission.admit(paramsOf(params, request), principal);
      charge.operation(operation.cost);
      admitted.set(context, operation);
      const { documentId: _, ...known } = params as GraphQLParams & { documentId?: unknown };
      setParams({ ...known, query: operation.text });
    },
    onParse({ context, setParsedDocument }) {
      const operation = admitted.get(context);
      if (operation !== undefined) setParsedDocument(operation.document);
    },
    onValidate({ context, setResult }) {
      if (admitted.has(context)) setResult([]);
    },
    onExecute({ executeFn, setExecuteFn }) {
      setExecuteFn(async (args) => {
        const { principal, pages } = args.contextValue as GraphqlContext;
        const outcome = await running.query(principal.id, async () => {
          try {
            return await executeFn(args);
          } finally {
            // What is late has been answered before, and holds its pages until here.
            pages.end();
          }
        });
        return withCodes(outcome, principal);
      });
    },
    onSubscribe({ subscribeFn, setSubscribeFn }) {
      setSubscribeFn(async (args) => {
        const { principal } = args.contextValue as GraphqlContext;
        const outcome = await running.subscription(principal.id, () => subscribeFn(args));
        return withCodes(outcome, principal);
      });
    },
  };
}
