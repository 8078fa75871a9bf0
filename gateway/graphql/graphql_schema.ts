/**
 * The executable schema: the SDL, its resolvers, and the table of rights before each field.
 *
 * @module
 */
import type { GraphQLSchema } from "graphql";
import { createSchema } from "graphql-yoga";
import { graphqlSdl } from "../../schema/graphql_sdl.ts";
import type { GraphqlContext } from "./context.ts";
import { guarded } from "./guarded_schema.ts";
import { queryResolvers } from "./query_resolvers.ts";
import { dateScalar, dateTimeScalar, jsonScalar } from "./scalars.ts";
import { subscriptionResolvers } from "./subscription_resolvers.ts";
import { typeResolvers } from "./type_resolvers.ts";

export const graphqlSchema: GraphQLSchema = guarded(createSchema<GraphqlContext>({
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
