/**
 * What a principal may read. A key for some games must not learn of the others through figures
 * that add all games up. What is asked for must be fit to be an id.
 *
 * @module
 */
import { InvalidInput } from "../schema/errors.ts";
import { idText, isId } from "../schema/ids.ts";
import { limits } from "../schema/limits.ts";
import { show } from "../schema/rejection.ts";
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
 * Refuses text that no event can have brought: the store would, too. An empty one is nobody's, as any
 * that was never seen.
 *
 * @param name of the field or argument
 * @throws {InvalidInput} `invalid_field`
 */
export function assertId(name: string, id: string): void {
  if (id === "" || isId(id, limits.idCharsMax)) return;
  const expected = idText(limits.idCharsMax);
  throw new InvalidInput("invalid_field", `${name} must be ${expected}: got ${show(id)}`, name);
}

/**
 * The game that a read is confined to: the one asked for, or the only one of the key. `undefined`
 * is all games of the studio.
 *
 * @throws {Forbidden} when the principal may not read that game, or must name one
 * @throws {InvalidInput} `gameId` is no id
 */
export function readableGame(principal: Principal, gameId?: string | null): string | undefined {
  assertMayRead(principal);
  if (typeof gameId === "string") assertId("the game's id", gameId);
  const game = gameId ?? defaultGameOf(principal);
  if (principal.games === "*") return game;
  if (game === undefined) throw new Forbidden("This key reads several games: name one of them");
  if (!principal.games.has(game)) throw new Forbidden("This key may not read that game");
  return game;
}
