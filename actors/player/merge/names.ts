/**
 * The two halves of an actor's id.
 *
 * @module
 */
import type { MessageContext } from "../../kernel/behaviour.ts";

/** The part before the first slash. */
export function studioOf({ actorId }: Pick<MessageContext, "actorId">): string {
  return actorId.slice(0, actorId.indexOf("/"));
}

/** The user id, all after the first slash; it may have slashes itself. */
export function nameOf({ actorId }: Pick<MessageContext, "actorId">): string {
  return actorId.slice(actorId.indexOf("/") + 1);
}
