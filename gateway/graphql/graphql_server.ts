/**
 * The GraphQL engine behind both transports.
 *
 * @module
 */
import { GraphQLError, parse, type ParseOptions, type Source } from "graphql";
import { createSchema, createYoga, type Plugin, type YogaServerInstance } from "graphql-yoga";
import { graphqlSdl } from "../../schema/graphql_sdl.ts";
import { limits } from "../../schema/limits.ts";
import type { GatewayLog } from "../deps.ts";
import { assertShort, assertSimple } from "./complexity.ts";
import type { GraphqlContext } from "./context.ts";
import { errorMasker } from "./errors.ts";
import { guarded } from "./guarded_schema.ts";
import { queryResolvers } from "./query_resolvers.ts";
import { dateScalar, dateTimeScalar, jsonScalar } from "./scalars.ts";
import { subscriptionResolvers } from "./subscription_resolvers.ts";
import { typeResolvers } from "./type_resolvers.ts";

export type GraphqlServer = YogaServerInstance<GraphqlContext, GraphqlContext>;

const schema = guarded(createSchema<GraphqlContext>({
  typeDefs: graphqlSdl,
  resolvers: {
    DateTime: dateTimeScalar,
    Date: dateScalar,
    JSON: jsonScalar,
    Query: queryResolvers,
    Subscription: subscriptionResolvers,
    ...typeResolvers,
  },
}));

/** Parses, and refuses what is too long, too large or too deep before it is validated. */
function parseBounded(source: string | Source, options?: ParseOptions) {
  assertShort(typeof source === "string" ? source : source.body);
  const document = parse(source, { ...options, maxTokens: limits.graphqlTokensMax });
  assertSimple(document);
  return document;
}

const boundedParser: Plugin = {
  onParse: ({ setParseFn }) => setParseFn(parseBounded),
};

/** graphql-yoga's log: resolver errors are logged where they are masked, the rest is noise. */
function yogaLogger(log: GatewayLog) {
  const text = (args: unknown[]) => args.map(String).join(" ");
  return {
    debug() {},
    info() {},
    warn: (...args: unknown[]) => log.warn(text(args)),
    error: (...args: unknown[]) => {
      if (!args.every((arg) => arg instanceof GraphQLError)) log.error(text(args));
    },
  };
}

export function createGraphqlServer(log: GatewayLog): GraphqlServer {
  return createYoga<GraphqlContext, GraphqlContext>({
    schema,
    graphqlEndpoint: "/graphql",
    graphiql: false,
    landingPage: false,
    cors: false,
    multipart: false,
    batching: false,
    maxRequestBodySize: limits.graphqlBodyBytesMax,
    maskedErrors: { maskError: errorMasker(log) },
    logging: yogaLogger(log),
    plugins: [boundedParser],
  });
}
