/**
 * The stages there are.
 *
 * @module
 */
import { game, type GameMessage } from "../../actors/game/game.ts";
import type { GameDeltaRecord } from "../../actors/game/game_deltas.ts";
import { giveBack } from "../../actors/player/merge/give_back.ts";
import { player } from "../../actors/player/player.ts";
import type { PlayerEvent } from "../../schema/event.ts";
import { findHostileValue } from "../../schema/hostile_values.ts";
import { isId } from "../../schema/ids.ts";
import { limits } from "../../schema/limits.ts";
import type { StageName } from "../store/store.ts";
import { sourceOf } from "./effects/sent_events.ts";
import type { AnyBehaviour, Stage } from "./stage.ts";

/**
 * True for what the journal can hold. The gateway lets nothing else in, but it is not the only one who
 * can write to the log, and a commit would fail at it for ever.
 */
function isPlayerEvent(event: PlayerEvent, text: string): boolean {
  const { studio, user_id, game_id, event_id, event_type, session_id } = event;
  const isShaped = typeof studio === "string" && typeof user_id === "string" &&
    typeof game_id === "string" && typeof event_id === "string" &&
    typeof event_type === "string" &&
    (typeof session_id === "string" ? session_id !== "" : session_id === undefined) &&
    Number.isSafeInteger(event.timestamp) && isObject(event.properties) && isObject(event.context);
  // JSON has control characters as escapes only, and hardly any event has one.
  if (!isShaped || !text.includes("\\u00")) return isShaped;
  // An internal event may be of no game.
  const ids = [studio, user_id, game_id, event_id, event_type, session_id];
  return ids.every((id) => !id || isId(id, Infinity)) &&
    findHostileValue(event.properties, "properties", 2) === undefined &&
    findHostileValue(event.context, "context", 2) === undefined;
}

function isObject(value: unknown): boolean {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** True when `key` is the event's `studio/user_id`, which is not joined for it: it would be hashed anew. */
function isKeyOf(key: string, { studio, user_id }: PlayerEvent): boolean {
  return key.length === studio.length + 1 + user_id.length && key.startsWith(studio) &&
    key[studio.length] === "/" && key.endsWith(user_id);
}

/** Players read raw events, one record a message. */
export function playerStage(behaviour: AnyBehaviour = player): Stage {
  return {
    name: "player",
    topic: "player.events.raw",
    behaviour,
    commitDelayMs: limits.commitDelayMsMin,
    isKeyed: true,
    decode(record) {
      const event = JSON.parse(record.value) as PlayerEvent;
      if (!isPlayerEvent(event, record.value)) {
        throw new SyntaxError("Cannot read a record that is no event of a player");
      }
      if (!isKeyOf(record.key, event)) {
        throw new SyntaxError("Cannot read a record whose key is not the player of its event");
      }
      const messages = [{ actorId: record.key, message: event }];
      const source = sourceOf(event);
      return source === undefined ? { messages } : { messages, source };
    },
    replay: (event) => JSON.parse(event.value) as PlayerEvent,
    giveBack: (message, reason) => giveBack(message as PlayerEvent, reason),
  };
}

/** Games read folded deltas, one record for all games of a partition that a batch touched. */
export function gameStage(behaviour: AnyBehaviour = game): Stage {
  return {
    name: "game",
    topic: "game.deltas",
    behaviour,
    commitDelayMs: limits.gameCommitIntervalMs,
    decode(record) {
      const folded = JSON.parse(record.value) as GameDeltaRecord;
      const messages = Object.entries(folded.games).map(([actorId, delta]) => {
        const message: GameMessage = { at: folded.at, delta };
        return { actorId, message };
      });
      return { messages, source: { name: folded.source, position: folded.position } };
    },
    replay() {
      throw new TypeError("Cannot replay a game as its messages are not journalled");
    },
  };
}

/** The stages by name. */
export function standardStages(): Record<StageName, Stage> {
  return { player: playerStage(), game: gameStage() };
}
