import assert from "node:assert/strict";
import { buildSchema, isObjectType } from "graphql";
import { graphqlSdl } from "../../schema/graphql_sdl.ts";
import { type AccessRole, accessRoles, principalOf } from "../../schema/principal.ts";
import { Forbidden } from "../access.ts";
import {
  assertRole,
  fieldRights,
  mayIntrospect,
  readableUser,
  rolesOfField,
  routeRights,
} from "./rights.ts";

const of = (role: AccessRole) => principalOf({ id: "k", role, studio: "s", userId: "ann" });

Deno.test("fieldRights has each type of the schema, and no field that there is not", () => {
  const types = Object.values(buildSchema(graphqlSdl).getTypeMap())
    .filter((type) => isObjectType(type)).filter(({ name }) => !name.startsWith("__"));
  assert.deepEqual(Object.keys(fieldRights).sort(), types.map(({ name }) => name).sort());
  for (const type of types) {
    const known = Object.keys(type.getFields());
    const named = Object.keys(fieldRights[type.name]!.fields ?? {});
    assert.deepEqual(named.filter((field) => !known.includes(field)), []);
  }
});

Deno.test("rolesOfField() gives nothing to write keys, and nobody what is not in the table", () => {
  for (const [type, { fields = {} }] of Object.entries(fieldRights)) {
    for (const field of ["any", ...Object.keys(fields)]) {
      assert.equal(rolesOfField(type, field).includes("writer"), false, `${type}.${field}`);
    }
  }
  assert.deepEqual(rolesOfField("Secret", "key"), []);
  assert.deepEqual(rolesOfField("constructor", "name"), []);
});

Deno.test("routeRights lets write who has the right to in its principal", () => {
  for (const role of accessRoles) {
    assert.equal(routeRights["/api/v1/events"]!.includes(role), of(role).write, role);
  }
});

Deno.test("rolesOfField() hides raw context from analysts and figures from players", () => {
  assert.equal(rolesOfField("Event", "context").includes("analyst"), false);
  assert.equal(rolesOfField("Event", "properties").includes("analyst"), true);
  assert.equal(rolesOfField("Query", "game").includes("player"), false);
  assert.equal(rolesOfField("Subscription", "gameUpdated").includes("player"), false);
  assert.throws(() => assertRole(of("player"), rolesOfField("Game", "dau"), "look"), Forbidden);
});

Deno.test("readableUser() confines a player to himself, and nobody else", () => {
  assert.equal(readableUser(of("player")), "ann");
  assert.equal(readableUser(of("player"), "ann"), "ann");
  assert.throws(() => readableUser(of("player"), "bob"), Forbidden);
  assert.throws(() => readableUser(of("player"), ""), Forbidden);
  assert.equal(readableUser(of("analyst"), "bob"), "bob");
  assert.equal(readableUser(of("analyst")), undefined);
});

Deno.test("mayIntrospect() lets staff and read keys read the schema, players and write keys not", () => {
  const may = accessRoles.filter((role) => mayIntrospect(of(role)));
  assert.deepEqual(may, ["reader", "analyst", "operator", "admin"]);
});
