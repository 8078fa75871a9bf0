/**
 * A player under test: events are made with few words, and what the player tells its games is added
 * up as a game would.
 *
 * @module
 */
import { internalType, type PlayerEvent } from "../../schema/event.ts";
import { fingerprintHex } from "../../schema/hash.ts";
import { DAY_MS } from "../../schema/limits.ts";
import type {
  PlayerAnswers,
  PlayerProfile,
  PlayerQuery,
} from "../../schema/queries/player_queries.ts";
import type { Effect, TimerEffect } from "../kernel/behaviour.ts";
import { player } from "../player/player.ts";
import { encodePlayer, type PlayerState } from "../player/player_state.ts";
import { Probe } from "./probe.ts";

export const MINUTE = 60_000;
/** 2026-01-10, noon UTC, and its day number. */
export const noon: number = Date.UTC(2026, 0, 10, 12);
export const today: number = Math.floor(noon / DAY_MS);
export const actorId = "demo/ann";

let ids = 0;

/** A `level.start` of Ann in game `g`, session `s`, at {@link noon}, with a fresh id. */
export function playerEvent(fields: Partial<PlayerEvent> = {}): PlayerEvent {
  return {
    studio: "demo",
    event_id: `event-${++ids}`,
    event_type: "level.start",
    user_id: "ann",
    game_id: "g",
    session_id: "s",
    timestamp: noon,
    properties: {},
    context: {},
    ...fields,
  };
}

/** The same without a session id. */
export function implicitEvent(fields: Partial<PlayerEvent> = {}): PlayerEvent {
  const { session_id: _, ...rest } = playerEvent(fields);
  return rest;
}

export function timerEvent(dueAt: number): PlayerEvent {
  return implicitEvent({
    event_type: internalType.timer,
    game_id: "",
    timestamp: dueAt,
    properties: { name: "session", due_at: dueAt },
  });
}

/** A {@link Probe} of Ann whose messages arrive at {@link noon} unless told otherwise. */
export class PlayerHarness
  extends Probe<PlayerState, PlayerEvent, PlayerQuery, PlayerAnswers[PlayerQuery["type"]]> {
  constructor() {
    super(player, { actorId, now: noon });
  }

  /** Sends an event that arrives at `now`; its effects, `undefined` when it changed nothing. */
  receive(event: PlayerEvent, now: number = noon): Effect[] | undefined {
    this.now = now;
    return this.send(event);
  }

  /** Sends the `$timer` event of the armed timer. */
  fire(now?: number): Effect[] | undefined {
    const dueAt = this.state.timerDueAt!;
    return this.receive(timerEvent(dueAt), now ?? dueAt);
  }

  override get hash(): string {
    return fingerprintHex(encodePlayer(this.state));
  }

  profile(gameId?: string, now: number = noon): PlayerProfile {
    return this.ask({ type: "profile", ...(gameId === undefined ? {} : { gameId }) }, now);
  }
}

export function timersOf(effects: readonly Effect[] | undefined): (number | null)[] {
  return (effects ?? []).filter((effect): effect is TimerEffect => effect.type === "timer")
    .map((effect) => effect.dueAt);
}

/**
 * Sends the arrivals, the first at {@link noon}, and fires the session timer each time it comes due
 * in between.
 *
 * @param after called after each arrival
 * @returns the time of the last arrival
 */
export function live(
  p: PlayerHarness,
  arrivals: readonly { readonly event: PlayerEvent; readonly gapMs: number }[],
  after: (now: number, index: number) => void = () => {},
): number {
  let now = noon;
  arrivals.forEach(({ event, gapMs }, index) => {
    now += gapMs;
    fireDue(p, now);
    p.receive(event, now);
    after(now, index);
  });
  return now;
}

/** Fires the session timer for as long as it is due at `now`. */
export function fireDue(p: PlayerHarness, now: number): void {
  while (p.state.timerDueAt !== null && p.state.timerDueAt <= now) p.fire();
}
