/**
 * The table of rights, put before each field of a schema.
 *
 * @module
 */
import { defaultFieldResolver, type GraphQLField, type GraphQLSchema, isObjectType } from "graphql";
import { accessRoles } from "../../schema/principal.ts";
import { assertRole, rolesOfField } from "../rights/rights.ts";
import type { GraphqlContext } from "./context.ts";

/** Checks before the field is read, or the stream is opened. */
function guard(type: string, field: GraphQLField<unknown, GraphqlContext>): void {
  const roles = rolesOfField(type, field.name);
  // Whoever gets to such a field was let through on the way there.
  if (roles.length === accessRoles.length) return;
  const what = `read ${type}.${field.name}`;
  const { resolve = defaultFieldResolver, subscribe } = field;
  field.resolve = (source, args, context, info) => {
    assertRole(context.principal, roles, what);
    return resolve(source, args, context, info);
  };
  if (subscribe === undefined) return;
  field.subscribe = (source, args, context, info) => {
    assertRole(context.principal, roles, what);
    return subscribe(source, args, context, info);
  };
}

/** Guards every field of `schema`, in place. @returns it */
export function guarded(schema: GraphQLSchema): GraphQLSchema {
  for (const type of Object.values(schema.getTypeMap())) {
    if (!isObjectType(type) || type.name.startsWith("__")) continue;
    for (const field of Object.values(type.getFields())) guard(type.name, field);
  }
  return schema;
}
