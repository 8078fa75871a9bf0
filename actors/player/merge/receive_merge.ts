/**
 * What players say to each other about being one.
 *
 * @module
 */
import { internalType, type PlayerEvent } from "../../../schema/event.ts";
import type { Effect, MessageContext } from "../../kernel/behaviour.ts";
import type { PlayerState } from "../player_state.ts";
import { receiveMergeRequest, receiveRestore } from "./become_alias.ts";
import { receiveForward } from "./forward.ts";
import { receiveAbsorb, receiveFree, receiveRefused } from "./link.ts";
import type {
  AbsorbMessage,
  ForwardMessage,
  FreeMessage,
  MergeMessage,
  RefusedMessage,
  RestoreMessage,
  UnmergeMessage,
} from "./messages.ts";
import { receiveUnmerge } from "./unmerge.ts";

type Receive = (
  state: PlayerState,
  message: never,
  ctx: MessageContext,
) => Effect[] | undefined;

const receivers: Readonly<Record<string, Receive>> = {
  [internalType.merge]: (s, m: MergeMessage, ctx) => receiveMergeRequest(s, m, ctx),
  [internalType.refused]: (s, m: RefusedMessage, ctx) => receiveRefused(s, m, ctx),
  [internalType.free]: (s, m: FreeMessage, ctx) => receiveFree(s, m, ctx),
  [internalType.absorb]: (s, m: AbsorbMessage, ctx) => receiveAbsorb(s, m, ctx),
  [internalType.forward]: (s, m: ForwardMessage, ctx) => receiveForward(s, m, ctx),
  [internalType.unmerge]: (s, m: UnmergeMessage, ctx) => receiveUnmerge(s, m, ctx),
  [internalType.restore]: (s, m: RestoreMessage, ctx) => receiveRestore(s, m, ctx),
};

/** What else the platform writes is not for players: they watch nobody. */
export function receiveMerge(
  state: PlayerState,
  event: PlayerEvent,
  ctx: MessageContext,
): Effect[] | undefined {
  const receive = receivers[event.event_type];
  const message = event.properties as never;
  // An operator may send an event twice that could not be applied; all else can tell by itself.
  const isAgain = event.event_type === internalType.forward && event.context["replayed"] === true;
  if (!isAgain) return receive?.(state, message, ctx);
  const { alias, event: { event_id } } = message as ForwardMessage;
  // No id of a client has such a character.
  const id = `\n${alias}\n${event_id}`;
  if (state.ring.has(id)) return undefined;
  const effects = receive!(state, message, ctx);
  state.ring.add(id);
  return effects;
}
