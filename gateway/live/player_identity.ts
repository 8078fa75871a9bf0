/**
 * A player by any of his ids: who was merged into another is answered with that one.
 *
 * A player's own token is not led on: by a link that whoever may write can make, a stranger's token
 * would read him. So only staff and read keys follow, and a player uses a token of who he is by now.
 *
 * @module
 */
import { Unavailable } from "../../schema/errors.ts";
import { limits } from "../../schema/limits.ts";
import type { PlayerProfile, PlayerQuery } from "../../schema/queries/player_queries.ts";
import type { Platform } from "../../supervisor/platform.ts";
import { Forbidden } from "../access.ts";
import type { Principal } from "../auth.ts";
import { actorChanges, type ChangesOptions } from "./actor_changes.ts";

/**
 * While merges are under way an alias may lead to an alias; there are never more of them than a player
 * may have, and the player himself.
 */
const hopsMax = limits.aliasesPerPlayerMax + 1;

/** Who `profile` leads to; `undefined`: it is the player himself. @throws {Forbidden} to a player */
function nextOf(principal: Principal, profile: PlayerProfile | null): string | undefined {
  const next = profile?.mergedInto;
  if (next !== undefined && principal.role === "player") {
    throw new Forbidden("This user id belongs to another player by now: use a token of that one");
  }
  return next;
}

/**
 * The profile of who `userId` is by now; `null` when nobody has seen him.
 *
 * @param ask asks one user id
 * @throws {Forbidden} a player's token asks for an id that is no player of its own any more
 * @throws {Unavailable} his ids are being merged right now
 */
export async function profileOf(
  principal: Principal,
  userId: string,
  ask: (userId: string) => Promise<PlayerProfile | null>,
): Promise<PlayerProfile | null> {
  let id = userId;
  for (let hop = 0; hop <= hopsMax; hop++) {
    const profile = await ask(id);
    const next = nextOf(principal, profile);
    if (next === undefined) return profile;
    id = next;
  }
  throw new Unavailable("player", "The ids of this player are being merged");
}

/** Whose profiles a stream is of, and how it asks. */
interface Stream {
  readonly platform: Platform;
  readonly principal: Principal;
  /** Who was asked for. */
  readonly userId: string;
  readonly query: PlayerQuery;
  readonly options: ChangesOptions;
}

/**
 * Where the stream goes on from the profile of `id`; `undefined`: it stays.
 *
 * @throws {Forbidden} as {@link profileOf}
 */
async function leaving(stream: Stream, id: string, profile: PlayerProfile | null) {
  const { platform, principal, userId, query } = stream;
  const next = nextOf(principal, profile);
  if (next !== undefined || id === userId) return next;
  if (profile?.aliases?.includes(userId)) return undefined;
  // He is on his way here, or was given back to himself.
  const own = await platform.ask("player", `${principal.studio}/${userId}`, query);
  const other = nextOf(principal, own) ?? userId;
  return other === id ? undefined : other;
}

/** The profiles of `id` as long as he is who was asked for. @returns who it is then, if anybody */
async function* staying(
  stream: Stream,
  id: string,
  signal: AbortSignal,
): AsyncGenerator<PlayerProfile, string | undefined> {
  const { platform, principal, userId, query, options } = stream;
  const actorId = `${principal.studio}/${id}`;
  const end = new AbortController();
  // Who he was merged into is asked for below, anyhow.
  const initially = options.initially === true && id === userId;
  const both = AbortSignal.any([signal, end.signal]);
  const settings = { ...options, initially };
  const changes = actorChanges(platform, "player", actorId, query, both, settings);
  let change: ReturnType<typeof changes.next> | undefined;
  try {
    let profile: PlayerProfile | null = null;
    if (id !== userId) {
      // Watched before it is asked, so that no change falls between.
      change = changes.next();
      change.catch(() => {});
      profile = await platform.ask("player", actorId, query);
    }
    for (;;) {
      const next = await leaving(stream, id, profile);
      if (next !== undefined) return next;
      if (profile !== null) yield profile;
      const { done, value } = await (change ?? changes.next());
      if (done) return undefined;
      profile = value;
      change = undefined;
    }
  } finally {
    // First the signal, which ends a wait for the next change: only then can it return.
    end.abort();
    await changes.return(undefined);
  }
}

/**
 * The profile of who `userId` is, after each commit that changed it; it goes along when he is merged
 * into another, and back when that is undone. Ends when `signal` aborts.
 *
 * @throws as {@link profileOf}, and as {@link actorChanges}
 */
export async function* profileChanges(
  platform: Platform,
  principal: Principal,
  userId: string,
  query: PlayerQuery,
  signal: AbortSignal,
  options: ChangesOptions = {},
): AsyncGenerator<PlayerProfile> {
  const stream = { platform, principal, userId, query, options };
  for (let id: string | undefined = userId; id !== undefined && !signal.aborted;) {
    id = yield* staying(stream, id, signal);
  }
}
