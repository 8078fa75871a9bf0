/**
 * Who may do what: the one table of roles, by route and by field of the GraphQL schema. What stands
 * in no row is refused, and a test holds the table to the schema and the routes.
 *
 * Beside the role a principal is confined to its studio and games (`access.ts`), and a player to
 * himself. The admin port knows none of these roles: it takes the operators' token alone.
 *
 * @module
 */
import type { AccessRole, Principal } from "../../schema/principal.ts";
import { assertId, Forbidden } from "../access.ts";

type Roles = readonly AccessRole[];

/** Whoever writes; write keys ship inside clients and do nothing else. */
const writers: Roles = ["writer", "operator", "admin"];
/** Who sees the figures of a studio. */
const staff: Roles = ["reader", "analyst", "operator", "admin"];
/** These and players; what a player sees of players is himself. */
const readers: Roles = ["player", ...staff];
/** Who sees what clients tell of devices and people as they sent it. */
const personal: Roles = ["player", "reader", "operator", "admin"];

/** By path; for `/ws` and `/graphql` each message or field decides. Other paths are captures. */
export const routeRights: Readonly<Record<string, Roles>> = {
  "/api/v1/events": writers,
  "/graphql": ["writer", ...readers],
  "/ws": ["writer", ...readers],
};

/** What a message of `/ws` needs. */
export const messageRights: Readonly<Record<"events" | "subscribe", Roles>> = {
  events: writers,
  subscribe: readers,
};

/** By type: the role for its fields, and fields with one of their own. */
export const fieldRights: Readonly<
  Record<string, { readonly all: Roles; readonly fields?: Readonly<Record<string, Roles>> }>
> = {
  Query: { all: staff, fields: { player: readers, events: readers, leaderboard: readers } },
  Subscription: { all: staff, fields: { playerUpdated: readers, eventStream: readers } },
  Event: { all: readers, fields: { context: personal } },
  Session: { all: readers },
  TypeCount: { all: readers },
  Player: { all: readers },
  DayMetrics: { all: staff },
  Game: { all: staff },
  PageInfo: { all: readers },
  EventConnection: { all: readers },
  EventEdge: { all: readers },
  LeaderboardConnection: { all: readers },
  LeaderboardEdge: { all: readers },
  LeaderboardEntry: { all: readers },
};

const nobody: Roles = [];

/** The roles that may read a field. */
export function rolesOfField(type: string, field: string): Roles {
  const rights = Object.hasOwn(fieldRights, type) ? fieldRights[type]! : undefined;
  if (rights === undefined) return nobody;
  const { all, fields = {} } = rights;
  return Object.hasOwn(fields, field) ? fields[field]! : all;
}

/**
 * Who reads the schema by introspection, and is told names he nearly wrote. Read keys belong to a
 * studio's servers and its people's tools, so they do; players and write keys are in clients, and
 * clients know their operations.
 */
export function mayIntrospect({ role }: Principal): boolean {
  return staff.includes(role);
}

/** @throws {Forbidden} the role may not */
export function assertRole({ role }: Principal, roles: Roles, what: string): void {
  if (!roles.includes(role)) throw new Forbidden(`The role ${role} may not ${what}`);
}

/**
 * The user whose data a read is confined to; `undefined` is everybody.
 *
 * @param userId whom it asks for, if anybody
 * @throws {Forbidden} a player asks for somebody else
 * @throws {InvalidInput} `userId` is no id
 */
export function readableUser(principal: Principal, userId?: string | null): string | undefined {
  if (principal.role !== "player") {
    if (typeof userId === "string") assertId("the user's id", userId);
    return userId ?? undefined;
  }
  const own = principal.userId;
  if (own === undefined || (userId ?? own) !== own) {
    throw new Forbidden("A player may read only his own data");
  }
  return own;
}
