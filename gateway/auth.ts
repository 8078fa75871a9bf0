/**
 * Who sends a request and what they may do.
 *
 * @module
 */
import { hash, timingSafeEqual } from "node:crypto";
import { Buffer } from "node:buffer";

/** The holder of a key or token, within one studio. */
export interface Principal {
  readonly studio: string;
  /** The games it may touch; `"*"` is every game of the studio. */
  readonly games: "*" | ReadonlySet<string>;
  readonly read: boolean;
  readonly write: boolean;
  /** With `games: "*"`: game ids never seen before may be written, which creates them. */
  readonly createGames: boolean;
}

export interface Keys {
  /** The principal of a key or token; `undefined` when there is none. */
  resolve(token: string): Principal | undefined;
}

/** Longer tokens are refused unhashed. */
const tokenCharsMax = 4096;

const digest = (token: string): Buffer => hash("sha256", token, "buffer");

/**
 * The keys of an installation that has only its demo key, which may read and write everything of
 * the studio `demo`.
 *
 * @throws {RangeError} when the key is empty
 */
export function demoKeys(demoKey: string): Keys {
  if (demoKey === "") throw new RangeError("Cannot make demo keys as the key is empty");
  const principal: Principal = {
    studio: "demo",
    games: "*",
    read: true,
    write: true,
    createGames: true,
  };
  const expected = digest(demoKey);
  // Digests have one length and their order tells nothing about the key, so the time that the
  // comparison takes does not either.
  return {
    resolve: (token) => timingSafeEqual(digest(token), expected) ? principal : undefined,
  };
}

/** The token of `Authorization: Bearer TOKEN`, also as a client gives it in `connection_init`. */
export function bearerToken(authorization: string): string | undefined {
  return /^bearer +(\S+) *$/i.exec(authorization)?.[1];
}

/** The token a request carries: the bearer token, else `X-Api-Key`. */
export function tokenOf(headers: Headers): string | undefined {
  const authorization = headers.get("authorization");
  const bearer = authorization === null ? undefined : bearerToken(authorization);
  return bearer ?? headers.get("x-api-key") ?? undefined;
}

/** Resolves a token a client gave; `undefined` for none, an empty or an unknown one. */
export function resolveToken(keys: Keys, token: string | undefined): Principal | undefined {
  if (token === undefined || token === "" || token.length > tokenCharsMax) return undefined;
  return keys.resolve(token);
}

/** The principal of a request; `undefined` is an answer of 401. */
export function authenticate(keys: Keys, headers: Headers): Principal | undefined {
  return resolveToken(keys, tokenOf(headers));
}

/** The game of events that name none: a key for a single game needs not repeat it. */
export function defaultGameOf(principal: Principal): string | undefined {
  if (principal.games === "*" || principal.games.size !== 1) return undefined;
  for (const game of principal.games) return game;
  return undefined;
}
