/**
 * Who sends a request and what they may do.
 *
 * @module
 */
import { hash, timingSafeEqual } from "node:crypto";
import { Buffer } from "node:buffer";
import { type HmacKey, type Principal, principalOf } from "../schema/principal.ts";
import { remembered } from "../schema/memory/remembered.ts";

export type { HmacKey, Principal } from "../schema/principal.ts";

/** The principal of a token, at once for a key, later for a token whose signature is verified. */
export type Resolved = Principal | undefined | Promise<Principal | undefined>;

export interface Keys {
  /**
   * The principal of a key or token; `undefined` when there is none. Never rejects for a bad token.
   *
   * @throws {Unavailable} at once or later: the keys are not known right now, so that nothing can be
   *   said of this one
   */
  resolve(token: string): Resolved;
  /**
   * The key that signs requests under a public id (GameAnalytics' game key); `undefined` when there
   * is none. A signature by any of its secrets is good.
   *
   * @throws {Unavailable} as {@link Keys.resolve}
   */
  hmac(keyId: string): HmacKey | undefined;
}

/** Longer tokens are refused unhashed. */
const tokenCharsMax = 4096;

/** Most requests come with one of a few tokens. */
const digest = remembered((token: string): Buffer => hash("sha256", token, "buffer"), 1_000);

/**
 * The demo key alone, which may read and write everything of the studio `demo`.
 *
 * @throws {RangeError} when the key is empty
 */
export function demoKeys(demoKey: string): Keys {
  if (demoKey === "") throw new RangeError("Cannot make demo keys as the key is empty");
  const principal = principalOf({
    id: "demo-key",
    role: "admin",
    studio: "demo",
    createGames: true,
  });
  const expected = digest(demoKey);
  const pair = demoSigningPair(demoKey);
  const signing: HmacKey = {
    secrets: [pair.secret],
    principal: principalOf({
      id: "demo-key",
      role: "writer",
      studio: "demo",
      games: ["demo"],
    }),
  };
  // Digests have one length and their order tells nothing about the key, so the time that the
  // comparison takes does not either.
  return {
    resolve: (token) => timingSafeEqual(digest(token), expected) ? principal : undefined,
    hmac: (id) => id === pair.id ? signing : undefined,
  };
}

/**
 * The id and secret by which clients that sign may write to the game `demo`: the first digits of
 * SHA-256 over `signing id KEY` and `signing secret KEY`, of the lengths GameAnalytics' clients want.
 */
export function demoSigningPair(demoKey: string): { readonly id: string; readonly secret: string } {
  const hexOf = (text: string) => hash("sha256", text, "hex");
  return {
    id: hexOf(`signing id ${demoKey}`).slice(0, 32),
    secret: hexOf(`signing secret ${demoKey}`).slice(0, 40),
  };
}

/** Asks one set of keys after the other; the first that knows a token answers for it. */
export function anyOfKeys(sets: readonly Keys[]): Keys {
  async function rest(first: Promise<Principal | undefined>, token: string, next: number) {
    return await first ?? await resolveFrom(next, token);
  }
  function resolveFrom(from: number, token: string): Resolved {
    for (let i = from; i < sets.length; i++) {
      const found = sets[i]!.resolve(token);
      if (found instanceof Promise) return i + 1 < sets.length ? rest(found, token, i + 1) : found;
      if (found !== undefined) return found;
    }
    return undefined;
  }
  return {
    resolve: (token) => resolveFrom(0, token),
    hmac(keyId) {
      for (const keys of sets) {
        const found = keys.hmac(keyId);
        if (found !== undefined) return found;
      }
      return undefined;
    },
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
export function resolveToken(keys: Keys, token: string | undefined): Resolved {
  if (token === undefined || token === "" || token.length > tokenCharsMax) return undefined;
  return keys.resolve(token);
}

/**
 * The principal of a request; `undefined` is an answer of 401. `await` costs a turn of the event
 * loop, so the hot path awaits only what is a promise.
 */
export function authenticate(keys: Keys, headers: Headers): Resolved {
  return resolveToken(keys, tokenOf(headers));
}

/** The game of events that name none: a key for a single game needs not repeat it. */
export function defaultGameOf(principal: Principal): string | undefined {
  if (principal.games === "*" || principal.games.size !== 1) return undefined;
  for (const game of principal.games) return game;
  return undefined;
}
