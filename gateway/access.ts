/**
 * What a principal may read. A key for some games must not learn of the others through figures
 * that add all games up.
 *
 * @module
 */
import { defaultGameOf, type Principal } from "./auth.ts";

/** Why a read was refused; fit for the client. */
export class Forbidden extends Error {
  override readonly name = "Forbidden";
}

/** @throws {Forbidden} when the principal may not read at all */
export function assertMayRead(principal: Principal): void {
  if (!principal.read) throw new Forbidden("This key may not read");
}

/**
 * The game that a read is confined to: the one asked for, or the only one of the key. `undefined`
 * is all games of the studio.
 *
 * @throws {Forbidden} when the principal may not read that game, or must name one
 */
export function readableGame(principal: Principal, gameId?: string | null): string | undefined {
  assertMayRead(principal);
  const game = gameId ?? defaultGameOf(principal);
  if (principal.games === "*") return game;
  if (game === undefined) throw new Forbidden("This key reads several games: name one of them");
  if (!principal.games.has(game)) throw new Forbidden("This key may not read that game");
  return game;
}
