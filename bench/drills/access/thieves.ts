/**
 * Everybody who must stay out of the game {@link games.foreign} of the studio {@link foreign}: other
 * studios, others of the same studio, who may only read, whose key is no longer good, who has no key.
 *
 * @module
 */
import type { Site } from "../platform/site.ts";
import type { Pair } from "./doors.ts";
import { foreign, games, makeKey, own } from "./tenants.ts";
import type { TokenIssuer } from "./token_issuer.ts";

/** The foreign studio's second game. */
export const sibling = "b2";

/** Where somebody's events may land. */
export interface Home {
  readonly studio: string;
  /** `undefined`: all games. */
  readonly game?: string;
}

export interface Thief {
  readonly name: string;
  /** Bare; `""`: none. */
  readonly key: string;
  /** `undefined`: may not write at all. */
  readonly home?: Home;
  /** He may read the game, although not write it. @default false */
  readonly isReader?: boolean;
}

/** Somebody with a pair of his own that signs. */
export interface Signer {
  readonly name: string;
  readonly pair: Pair;
  /** `undefined`: his pair is no longer good. */
  readonly home?: Home;
}

export interface Cast {
  readonly thieves: readonly Thief[];
  readonly signers: readonly Signer[];
  /** The game's own. */
  readonly write: string;
  readonly read: string;
  readonly pair: Pair;
  /** Makes a token of one of the foreign studio's players. */
  player(userId: string): Promise<string>;
}

const revokedMs = 10_000;

async function call(site: Site, path: string, body: unknown = {}): Promise<Pair> {
  const response = await fetch(new URL(path, site.adminUrl), {
    method: "POST",
    headers: { authorization: `Bearer ${site.adminToken}` },
    body: JSON.stringify(body),
  });
  const answer = await response.json();
  if (!response.ok) throw new Error(`Cannot ${path}: ${JSON.stringify(answer)}`);
  return answer;
}

/** Waits until the gateway no longer knows a key. */
async function refused(site: Site, key: string): Promise<void> {
  const deadline = performance.now() + revokedMs;
  for (;;) {
    const response = await fetch(new URL("/api/v1/events", site.url), {
      method: "POST",
      headers: { authorization: `Bearer ${key}` },
      body: "[]",
    });
    await response.body?.cancel();
    if (response.status === 401) return;
    if (performance.now() > deadline) throw new Error(`A void key is good: ${response.status}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** The key with another last character. */
const altered = (key: string) => key.slice(0, -1) + (key.endsWith("A") ? "B" : "A");

/** @param demoKey of the node's studio `demo` */
export async function makeCast(site: Site, issuer: TokenIssuer, demoKey: string): Promise<Cast> {
  const write = (studio: string, ...of: string[]) =>
    makeKey(site, {
      studio,
      kind: "write",
      ...(of.length === 0 ? { create_games: true } : { games: of }),
    });
  const read = (...of: string[]) =>
    makeKey(site, { studio: foreign, kind: "read", ...(of.length === 0 ? {} : { games: of }) });
  const hmac = (studio: string, game: string) =>
    makeKey(site, { studio, kind: "hmac", games: [game] });
  const token = (studio: string, role: string, of?: readonly string[]) =>
    issuer.sign(issuer.claims({ studio, role, sub: "thief", ...(of && { games: of }) }));
  const player = (sub: string) =>
    issuer.sign(issuer.claims({ studio: foreign, role: "player", sub }));

  const [ours, reader, pair] = [
    await write(foreign),
    await read(),
    await hmac(foreign, games.foreign),
  ];
  const [gone, replaced] = [await write(foreign), await write(foreign)];
  const [voidPair, otherPair] = [await hmac(foreign, games.foreign), await hmac(own, games.own)];
  const siblingPair = await hmac(foreign, sibling);
  for (const { id } of [gone, voidPair]) await call(site, `/admin/keys/${id}/revoke`);
  await call(site, `/admin/keys/${replaced.id}/rotate`, { overlap_seconds: 0 });
  for (const { secret } of [gone, replaced]) await refused(site, secret);

  const elsewhere: Home = { studio: own };
  const thieves: Thief[] = [
    { name: "nobody", key: "" },
    { name: "another studio's write key", key: (await write(own)).secret, home: elsewhere },
    {
      name: "another studio's write key of a game",
      key: (await write(own, games.own)).secret,
      home: { studio: own, game: games.own },
    },
    { name: "another studio's operator", key: await token(own, "operator"), home: elsewhere },
    {
      name: "write key of another game",
      key: (await write(foreign, sibling)).secret,
      home: { studio: foreign, game: sibling },
    },
    {
      name: "operator of another game",
      key: await token(foreign, "operator", [sibling]),
      home: { studio: foreign, game: sibling },
    },
    { name: "demo key", key: demoKey, home: { studio: "demo" } },
    { name: "read key", key: reader.secret, isReader: true },
    { name: "read key of the game", key: (await read(games.foreign)).secret, isReader: true },
    { name: "read key of another game", key: (await read(sibling)).secret },
    { name: "analyst", key: await token(foreign, "analyst"), isReader: true },
    { name: "player", key: await token(foreign, "player") },
    { name: "revoked write key", key: gone.secret },
    { name: "write key before its rotation", key: replaced.secret },
    { name: "altered write key", key: altered(ours.secret) },
    { name: "id of the write key", key: ours.id },
    { name: "signing secret", key: pair.secret },
    { name: "id of the signing pair", key: pair.id },
  ];
  const signers: Signer[] = [
    { name: "another studio", pair: otherPair, home: { studio: own, game: games.own } },
    { name: "another game", pair: siblingPair, home: { studio: foreign, game: sibling } },
    { name: "a revoked pair", pair: voidPair },
  ];
  return { thieves, signers, write: ours.secret, read: reader.secret, pair, player };
}
