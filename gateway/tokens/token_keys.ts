/**
 * Tokens (JWT) as keys: what the issuer signs says who is there.
 *
 * | claim | |
 * |---|---|
 * | `iss`, `aud`, `exp` | the configured issuer and audience; not expired. `nbf` is kept if it is there |
 * | `sub` | the user: an id as events have it: 1 to 128 characters, none of them control |
 * | `studio` | the tenant |
 * | `role` | `player`, `analyst`, `operator` or `admin` |
 * | `games` | ids of games; absent: all games of the studio |
 *
 * Algorithms are pinned, so that no token chooses how it is verified, and keys come from the
 * configured JWKS alone: a token that brings a key, or says where to fetch one, is refused. Every
 * fault is the same to the client.
 *
 * @module
 */
import { hash } from "node:crypto";
import { errors, type JWTPayload, jwtVerify, type JWTVerifyGetKey } from "jose";
import { Unavailable } from "../../schema/errors.ts";
import { isUserId } from "../../schema/ids.ts";
import { limits } from "../../schema/limits.ts";
import { type Principal, principalOf, studioForm, tokenRoles } from "../../schema/principal.ts";
import type { Keys } from "../auth.ts";

export const tokenAlgorithms: readonly string[] = ["RS256", "ES256", "EdDSA"];

export interface TokenKeysOptions {
  readonly issuer: string;
  readonly audience: string;
  /** Finds the key of a token. @throws {Unavailable} */
  readonly find: JWTVerifyGetKey;
  /** Milliseconds since the Unix epoch. */
  readonly now: () => number;
  /** What tokens may be signed with. @default tokenAlgorithms */
  readonly algorithms?: readonly string[];
}

/** Three parts of base64url: cheap to see, and nothing else is parsed. */
const tokenForm = /^[\w-]+\.[\w-]+\.[\w-]+$/;
/** Header parameters by which a token would bring or name its own key. */
const foreignKeys = ["jku", "jwk", "x5u", "x5c"] as const;
const kidCharsMax = 256;

interface Verified {
  readonly principal: Principal;
  /** Until when it is taken without being verified again, milliseconds. */
  readonly until: number;
}

/** The principal that claims speak of; `undefined` when they are not as they must be. */
export function principalOfClaims(claims: JWTPayload): Principal | undefined {
  const { sub, studio, games, exp } = claims;
  const role = tokenRoles.find((name) => name === claims.role);
  const isWhole = isUserId(sub) && typeof studio === "string" && studioForm.test(studio) &&
    role !== undefined;
  if (!isWhole) return undefined;
  const isList = Array.isArray(games) && games.length > 0 &&
    games.length <= limits.gamesPerKeyMax && games.every(isUserId);
  if (games !== undefined && !isList) return undefined;
  return principalOf({
    id: `${studio}/${sub}`,
    role,
    studio,
    games: isList ? games : undefined,
    createGames: games === undefined && (role === "operator" || role === "admin"),
    userId: sub,
    until: exp === undefined ? undefined : exp * 1000 + limits.tokenClockMsMax,
  });
}

/** Keys of the configured issuer's tokens. */
export function tokenKeys(options: TokenKeysOptions): Keys {
  const { issuer, audience, find, now, algorithms = tokenAlgorithms } = options;
  /** By hash, the oldest first. */
  const verified = new Map<string, Verified>();

  /** Refuses what names its own key before anything is looked up. */
  const findOurs: JWTVerifyGetKey = (header, token) => {
    const { kid } = header;
    const isKid = kid === undefined || (typeof kid === "string" && kid.length <= kidCharsMax);
    if (!isKid || foreignKeys.some((name) => name in header)) {
      throw new errors.JWTInvalid("The header names or brings a key");
    }
    return find(header, token);
  };

  async function verify(token: string): Promise<Principal | undefined> {
    try {
      const { payload } = await jwtVerify(token, findOurs, {
        issuer,
        audience,
        algorithms: [...algorithms],
        clockTolerance: limits.tokenClockMsMax / 1000,
        currentDate: new Date(now()),
        requiredClaims: ["exp", "sub"],
      });
      const principal = principalOfClaims(payload);
      if (principal === undefined) return undefined;
      const until = Math.min(payload.exp! * 1000, now() + limits.tokenKeptMs);
      keep(hash("sha256", token, "base64"), { principal, until });
      return principal;
    } catch (error) {
      if (error instanceof Unavailable) throw error;
      // Whatever is wrong with it: no principal.
      return undefined;
    }
  }

  function keep(key: string, entry: Verified): void {
    verified.delete(key);
    verified.set(key, entry);
    if (verified.size > limits.tokensKeptMax) verified.delete(verified.keys().next().value!);
  }

  return {
    resolve(token) {
      if (!tokenForm.test(token)) return undefined;
      const known = verified.get(hash("sha256", token, "base64"));
      return known !== undefined && now() < known.until ? known.principal : verify(token);
    },
    hmac: () => undefined,
  };
}
