/**
 * Who may be on the other side of a request: the holder of a key or of a token, within one studio.
 *
 * @module
 */

/** Kinds of API keys: for clients that send events, for servers that read, and for signed requests. */
export const keyKinds = ["write", "read", "hmac"] as const;
export type KeyKind = typeof keyKinds[number];

/**
 * What a principal is. `writer` and `reader` are API keys; the others are roles of tokens, and
 * `admin` is also the demo key, which may do everything within its studio.
 */
export const accessRoles = ["writer", "reader", "player", "analyst", "operator", "admin"] as const;
export type AccessRole = typeof accessRoles[number];

/** The roles that a token may name. */
export const tokenRoles = ["player", "analyst", "operator", "admin"] as const;

/** The holder of a key or token, within one studio. */
export interface Principal {
  /** What its limits are counted by: of a key its id, of a token `studio/sub`. */
  readonly id: string;
  readonly role: AccessRole;
  readonly studio: string;
  /** The games it may touch; `"*"` is every game of the studio. */
  readonly games: "*" | ReadonlySet<string>;
  readonly read: boolean;
  readonly write: boolean;
  /** With `games: "*"`: game ids never seen before may be written, which creates them. */
  readonly createGames: boolean;
  /** Origins of pages it may be used from, `schema/http/origin.ts`. @default any */
  readonly origins?: readonly string[];
  /** Whom a token speaks for; a `player` reads only this user. */
  readonly userId?: string;
  /** Until when a token is good, milliseconds since the Unix epoch; a key until it is revoked. */
  readonly until?: number;
}

/** A key that signs bodies: its secrets, of which the second is there while it is being rotated. */
export interface HmacKey {
  readonly principal: Principal;
  readonly secrets: readonly string[];
}

/**
 * Names of studios. A studio's name comes before a slash in the ids of actors, so that it must not
 * hold one: `a/b` would reach the actors of `a`.
 */
export const studioForm = /^[a-z0-9][a-z0-9_-]{0,62}$/;

export interface PrincipalOptions {
  readonly id: string;
  readonly role: AccessRole;
  readonly studio: string;
  readonly games?: readonly string[] | undefined;
  readonly createGames?: boolean;
  readonly origins?: readonly string[] | undefined;
  readonly userId?: string | undefined;
  readonly until?: number | undefined;
}

const mayWrite: ReadonlySet<AccessRole> = new Set(["writer", "operator", "admin"]);

/** @param options `games` of `undefined` are all games of the studio */
export function principalOf(options: PrincipalOptions): Principal {
  const { id, role, studio, games, createGames = false, origins, userId, until } = options;
  return {
    id,
    role,
    studio,
    games: games === undefined ? "*" : new Set(games),
    // Write keys ship inside clients.
    read: role !== "writer",
    write: mayWrite.has(role),
    createGames,
    ...(origins === undefined ? {} : { origins }),
    ...(userId === undefined ? {} : { userId }),
    ...(until === undefined ? {} : { until }),
  };
}
