/**
 * The GraphQL engine behind both transports.
 *
 * @module
 */
import { GraphQLError } from "graphql";
import { createYoga, type YogaServerInstance } from "graphql-yoga";
import { limits } from "../../schema/limits.ts";
import type { GatewayLog } from "../deps.ts";
import type { GraphqlContext } from "./context.ts";
import { errorMasker } from "./errors.ts";
import { graphqlSchema } from "./graphql_schema.ts";
import { Admission } from "./protection/admission.ts";
import type { PersistedOperations } from "./protection/persisted_operations.ts";
import { protection } from "./protection/protection_plugin.ts";
import { RunningOperations, type RunningOptions } from "./protection/running_operations.ts";

export interface GraphqlServer {
  readonly yoga: YogaServerInstance<GraphqlContext, GraphqlContext>;
  /** What every operation goes through, whatever transport brings it. */
  readonly admission: Admission;
}

/** graphql-yoga's log: resolver errors are logged where they are masked, the rest is noise. */
function yogaLogger(log: GatewayLog) {
  const text = (args: unknown[]) => args.map(String).join(" ");
  const isTold = (error: unknown) => error instanceof GraphQLError || isRefusal(error);
  return {
    debug() {},
    info() {},
    warn: (...args: unknown[]) => log.warn(text(args)),
    error: (...args: unknown[]) => {
      if (!args.every(isTold)) log.error(text(args));
    },
  };
}

const isRefusal = (error: unknown) => error instanceof Error && error.name === "DocumentRefused";

export interface GraphqlServerOptions {
  readonly log: GatewayLog;
  /** @default none are known beforehand */
  readonly persisted?: PersistedOperations | undefined;
  readonly running?: RunningOptions;
  /** Whether operations are held to limits. @default true */
  readonly isBounded?: boolean;
}

export function createGraphqlServer(options: GraphqlServerOptions): GraphqlServer {
  const { log, persisted, running, isBounded } = options;
  const admission = new Admission(graphqlSchema, persisted, isBounded);
  const yoga = createYoga<GraphqlContext, GraphqlContext>({
    schema: graphqlSchema,
    graphqlEndpoint: "/graphql",
    graphiql: false,
    landingPage: false,
    cors: false,
    multipart: false,
    batching: false,
    // The admission keeps its own, bounded by what they hold.
    parserAndValidationCache: false,
    maxRequestBodySize: limits.graphqlBodyBytesMax,
    maskedErrors: { maskError: errorMasker(log) },
    logging: yogaLogger(log),
    plugins: [protection(admission, new RunningOperations(running))],
  });
  return { yoga, admission };
}
