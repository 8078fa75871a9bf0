/**
 * An operator takes a merge back: the alias goes, with the aliases that it had brought, and what it would
 * be without the merge is what it is.
 *
 * @module
 */
import { internalType } from "../../../schema/event.ts";
import type { Effect, MessageContext } from "../../kernel/behaviour.ts";
import type { PlayerState } from "../player_state.ts";
import { isTooLarge } from "./become_alias.ts";
import { armOrderTimer } from "./line.ts";
import { goOn } from "./link.ts";
import { type Alias, encodeAlias, othersThan } from "./merge_state.ts";
import { sendTo, type UnmergeMessage } from "./messages.ts";
import { nameOf, studioOf } from "./names.ts";
import { pushJoin } from "./union.ts";

/** An operator wants an alias to be a player of its own again; who does not hold it passes that on. */
export function receiveUnmerge(
  state: PlayerState,
  message: UnmergeMessage,
  ctx: MessageContext,
): Effect[] | undefined {
  const { alias } = message;
  const { merge } = state;
  const held = merge?.aliases.get(alias);
  const isMeant = message.nth === undefined || message.nth === held?.nth;
  if (merge === undefined || held === undefined || !isMeant) return askOn(state, message, ctx);
  const [self, studio] = [nameOf(ctx), studioOf(ctx)];
  const leaving = withThoseItBrought(merge.aliases, alias);
  const aliases = leaving.map((id) => encodeAlias(id, merge.aliases.get(id)!));
  if (isTooLarge({ aliases })) {
    const code = "unmerge_too_large";
    const message = `Cannot make '${alias}' a player of its own again: what it has is too large`;
    return [{ type: "refusal", code, message, payload: { alias, into: self } }];
  }
  const effects: Effect[] = [];
  const parts = leaving.map((id) => ({ id, part: merge.aliases.get(id)!.part }));
  for (const id of leaving) merge.aliases.delete(id);
  pushJoin({ studio, userId: self }, othersThan(state, self, ""), parts, -1, effects);
  for (const id of leaving) {
    effects.push({ type: "alias", studio, aliasId: id, userId: id === alias ? null : alias });
  }
  effects.push(sendTo(ctx, alias, internalType.restore, { aliases }));
  armOrderTimer(state, ctx, effects);
  goOn(state, ctx, effects);
  return effects;
}

/**
 * Passes an undo on to who may have the alias. It has gone, perhaps, with one that had brought it, so it is
 * asked itself, once: from there the undo takes the way of its events, and where the way ends it turns
 * round behind what was given back.
 */
function askOn(
  { merge }: PlayerState,
  message: UnmergeMessage,
  ctx: MessageContext,
): Effect[] | undefined {
  const { alias, nth, path = [] } = message;
  const self = nameOf(ctx);
  const send = (to: string, message: UnmergeMessage) => [
    sendTo(ctx, to, internalType.unmerge, message),
  ];
  if (self === alias) {
    const isAsked = nth !== undefined;
    if (isAsked || merge?.into === undefined) return undefined;
    return send(merge.into, { alias, nth: merge.nth });
  }
  if (merge?.into !== undefined) return send(merge.into, { ...message, path: [...path, self] });
  const last = path.findLastIndex((id) => !merge?.aliases.has(id));
  return send(path[last] ?? alias, { ...message, path: path.slice(0, Math.max(0, last)) });
}

/** The alias, and all that send their events to it: it first. */
function withThoseItBrought(aliases: ReadonlyMap<string, Alias>, alias: string): string[] {
  const found = new Set([alias]);
  // An id that is added is looked at, too.
  for (const id of found) {
    for (const [other, { via }] of aliases) if (via === id) found.add(other);
  }
  return [...found];
}
