/**
 * Two studios on one platform, all their credentials, and data in which every text names whose it is.
 *
 * @module
 */
import type { Site } from "../platform/site.ts";
import { audience, issuer as issuerName, type TokenIssuer } from "./token_issuer.ts";

export const own = "acme";
export const foreign = "bolt";
/** A user that both studios have, one that is only `own`'s and one that is only `foreign`'s. */
export const users = { shared: "ann", mate: "bob", foreign: "bea" } as const;
export const games = { own: "a1", other: "a2", foreign: "b1" } as const;

/**
 * The settings of a platform that is asked for what is another's: it trusts the issuer, and refuses
 * nobody for asking often, as whoever is refused for that has not been tried for his rights.
 */
export const settingsOf = (issuer: TokenIssuer) => ({
  JWT_ISSUER: issuerName,
  JWT_AUDIENCE: audience,
  JWKS_URL: issuer.jwksUrl,
  RATE_USER: "0",
});

/** Names whose an event is; also its type, so that counts by type tell, too. */
export const markOf = (studio: string, game: string, user: string) =>
  `mk-${studio}-${game}-${user}`;

/** What somebody holds, and what he must never read. */
export interface Credential {
  readonly name: string;
  readonly token: string | undefined;
  /** Marks of what is not his to read. */
  readonly forbidden: RegExp;
  readonly mayWrite: boolean;
}

const everything = /mk-/;
const foreignMarks = /mk-bolt/;

/** Makes a key by the admin API. */
export async function makeKey(site: Site, wish: Readonly<Record<string, unknown>>) {
  const response = await fetch(new URL("/admin/keys", site.adminUrl), {
    method: "POST",
    headers: { authorization: `Bearer ${site.adminToken}` },
    body: JSON.stringify(wish),
  });
  const made = await response.json();
  if (response.status !== 201) throw new Error(`Cannot make a key: ${JSON.stringify(made)}`);
  return made as { id: string; secret: string };
}

export interface Tenants {
  readonly credentials: readonly Credential[];
  /** The studio `foreign`'s own keys, for controls. */
  readonly foreignWrite: string;
  readonly foreignRead: string;
  readonly ownWrite: string;
}

/** Makes the keys by the admin API, and tokens by the issuer. */
export async function makeTenants(site: Site, issuer: TokenIssuer): Promise<Tenants> {
  const key = (studio: string, kind: string, of?: readonly string[]) =>
    makeKey(site, {
      studio,
      kind,
      ...(of === undefined ? { create_games: kind === "write" } : { games: of }),
    });
  const token = (role: string, over: Readonly<Record<string, unknown>> = {}) =>
    issuer.sign(issuer.claims({ studio: own, role, sub: users.shared, ...over }));
  const ownWrite = (await key(own, "write")).secret;
  const hmac = await key(own, "hmac", [games.own]);
  const of = (
    name: string,
    given: string | undefined,
    forbidden: RegExp,
    mayWrite = false,
  ): Credential => ({ name, token: given, forbidden, mayWrite });
  const oneGame = [games.own];
  return {
    ownWrite,
    foreignWrite: (await key(foreign, "write")).secret,
    foreignRead: (await key(foreign, "read")).secret,
    credentials: [
      of("nothing", undefined, everything),
      of("a signing key's id", hmac.id, everything),
      of("a signing secret", hmac.secret, everything),
      of("write key", ownWrite, everything, true),
      of("write key of a game", (await key(own, "write", oneGame)).secret, everything, true),
      of("read key", (await key(own, "read")).secret, foreignMarks),
      of("read key of a game", (await key(own, "read", oneGame)).secret, /mk-bolt|mk-acme-a2/),
      of("player", await token("player"), /mk-bolt|mk-\w+-\w+-bob/),
      of("player of a game", await token("player", { games: oneGame }), /mk-bolt|-bob|mk-acme-a2/),
      of("analyst", await token("analyst"), /mk-bolt|-context/),
      of(
        "analyst of a game",
        await token("analyst", { games: oneGame }),
        /mk-bolt|-context|acme-a2/,
      ),
      of("operator", await token("operator"), foreignMarks, true),
      of("admin", await token("admin"), foreignMarks, true),
    ],
  };
}

/** Sends one event of each user in each game, and waits for nothing. @returns how many */
export async function sendEvents(site: Site, tenants: Tenants): Promise<void> {
  const event = (studio: string, game_id: string, user_id: string) => ({
    event_type: markOf(studio, game_id, user_id),
    user_id,
    game_id,
    properties: { note: markOf(studio, game_id, user_id), score: 1, board: "main" },
    context: { device: `${markOf(studio, game_id, user_id)}-context` },
  });
  const { shared, mate } = users;
  const of: [string, unknown[]][] = [
    [
      tenants.ownWrite,
      [games.own, games.other].flatMap((game) =>
        [shared, mate].map((user) => event(own, game, user))
      ),
    ],
    [
      tenants.foreignWrite,
      [shared, users.foreign].map((user) => event(foreign, games.foreign, user)),
    ],
  ];
  for (const [token, events] of of) {
    const response = await fetch(new URL("/api/v1/events", site.url), {
      method: "POST",
      headers: { authorization: `Bearer ${token}` },
      body: JSON.stringify(events),
    });
    const text = await response.text();
    if (response.status !== 202) throw new Error(`Cannot send events: ${response.status} ${text}`);
  }
}
