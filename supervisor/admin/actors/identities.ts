/**
 * The user ids of a player as operators see them, and how they take a link back.
 *
 * @module
 */
import { internalType, type PlayerEvent, playerId } from "../../../schema/event.ts";
import { InvalidInput, Unavailable } from "../../../schema/errors.ts";
import { limits } from "../../../schema/limits.ts";
import { partitionOf } from "../../../schema/partition.ts";
import type { PlayerProfile } from "../../../schema/queries/player_queries.ts";
import type { Topics } from "../../../schema/topics.ts";
import type { Log } from "../../log/log.ts";
import type { Identity, Unmerge } from "../admin_platform.ts";

const topic = "player.events.raw";

/** While links are being made an alias may lead to an alias; never to more than a player may have. */
const hopsMax = limits.aliasesPerPlayerMax + 1;

export interface IdentityPorts {
  readonly log: Pick<Log, "append">;
  readonly topics: Topics;
  /** Asks the player `studio/user_id`; `null` when nobody has seen him. */
  readonly profile: (id: string) => Promise<PlayerProfile | null>;
  /** Milliseconds since the Unix epoch. */
  readonly now: () => number;
}

/** What a profile says of a player's ids; nothing of one who has a single one. */
export function identityOf(profile: PlayerProfile | null): Identity {
  const { mergedInto, aliases } = profile ?? {};
  return {
    ...(mergedInto === undefined ? {} : { merged_into: mergedInto }),
    ...(aliases === undefined ? {} : { aliases }),
  };
}

/**
 * Asks the player that an alias belongs to, by the log, to give it back. What else came with the alias
 * goes with it.
 *
 * @param id the alias, `studio/user_id`
 * @param call names who did it, and is the id of the event
 * @returns `null`: nobody has ever seen it
 * @throws {InvalidInput} `not_merged`
 * @throws {Unavailable} a link of it is being made or taken back, or nothing was appended: call again
 * @throws {ActorHalted} who it belongs to stands still
 * @throws {OutcomeUnknown} it may have been appended; a second time does nothing
 */
export async function unmerge(
  ports: IdentityPorts,
  id: string,
  call: string,
): Promise<Unmerge | null> {
  const { log, topics, now } = ports;
  const slash = id.indexOf("/");
  const [studio, alias] = [id.slice(0, slash), id.slice(slash + 1)];
  const own = await ports.profile(id);
  if (own === null) return null;
  if (own.mergedInto === undefined) throw notMerged(id, own.aliases);
  const holder = await holderOf(ports, studio, own.mergedInto);
  if (!holder.aliases?.includes(alias)) {
    throw new Unavailable("player", `A link of '${id}' is being made or taken back: call again`);
  }
  const event: PlayerEvent = {
    studio,
    event_id: call,
    event_type: internalType.unmerge,
    user_id: holder.id,
    game_id: "",
    timestamp: now(),
    properties: { alias },
    context: {},
  };
  const key = playerId(event);
  const partition = partitionOf(key, topics[topic].partitions);
  await log.append(topic, [{ partition, key, value: JSON.stringify(event) }]);
  return { id, player: key, event_id: call, topic, partition };
}

/** The player that an alias leads to. @throws {Unavailable} his ids are being merged right now */
async function holderOf(
  { profile }: IdentityPorts,
  studio: string,
  first: string,
): Promise<PlayerProfile> {
  let userId = first;
  for (let hop = 0; hop < hopsMax; hop++) {
    const found = await profile(`${studio}/${userId}`);
    if (found === null) break;
    if (found.mergedInto === undefined) return found;
    userId = found.mergedInto;
  }
  throw new Unavailable("player", "The ids of this player are being merged: call again");
}

function notMerged(id: string, aliases: readonly string[] | undefined): InvalidInput {
  const hint = aliases === undefined ? "" : `; call this for one of his aliases: ${aliases}`;
  return new InvalidInput("not_merged", `'${id}' is a player of his own${hint}`);
}
