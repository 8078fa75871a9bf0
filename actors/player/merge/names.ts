/**
 * The two halves of an actor's id.
 *
 * @module
 */
import type { MessageContext } from "../../kernel/behaviour.ts";

export function studioOf({ actorId }: Pick<MessageContext, "actorId">): string {
  return actorId.slice(0, actorId.indexOf("/"));
}

/** The user id; it may have slashes itself. */
export function nameOf({ actorId }: Pick<MessageContext, "actorId">): string {
  return actorId.slice(actorId.indexOf("/") + 1);
}
