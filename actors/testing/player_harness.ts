/**
 * A player under test: events are made with few words, and what the player tells its games is added
 * up as a game would.
 *
 * @module
 */
import { internalType, type PlayerEvent } from "../../schema/event.ts";
import { fingerprintHex } from "../../schema/hash.ts";
import { DAY_MS } from "../../schema/limits.ts";
import type { PlayerProfile } from "../../schema/player_queries.ts";
import type { Effect, TimerEffect } from "../kernel/behaviour.ts";
import { player } from "../player/player.ts";
import { encodePlayer, type PlayerState } from "../player/player_state.ts";

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

export class PlayerHarness {
  state: PlayerState = player.create(actorId);
  offset = -1;
  readonly effects: Effect[] = [];

  /** Sends an event that arrives at `now`; its effects, `undefined` when it changed nothing. */
  receive(event: PlayerEvent, now: number = noon): Effect[] | undefined {
    const ctx = { actorId, now, partition: 3, offset: ++this.offset };
    const effects = player.receive(this.state, event, ctx);
    if (effects !== undefined) this.effects.push(...effects);
    return effects;
  }

  /** Sends the `$timer` event of the armed timer. */
  fire(now?: number): Effect[] | undefined {
    const dueAt = this.state.timerDueAt!;
    return this.receive(timerEvent(dueAt), now ?? dueAt);
  }

  get hash(): string {
    return fingerprintHex(encodePlayer(this.state));
  }

  /** Snapshots the player and goes on with what is restored of it. */
  restore(): void {
    this.state = player.restore(actorId, player.snapshot(this.state));
  }

  profile(gameId?: string, now: number = noon): PlayerProfile {
    const query = { type: "profile" as const, ...(gameId === undefined ? {} : { gameId }) };
    return player.ask(this.state, query, { actorId, now, version: `3:${this.offset}` });
  }

  /** The sum of a metric of a game so far: its total, or what counts on `day`. */
  sum(metric: string, day?: number, game = "demo/g"): number {
    let sum = 0;
    for (const effect of this.effects) {
      if (effect.type !== "delta" || effect.game !== game || effect.metric !== metric) continue;
      const within = effect.day === undefined
        ? day === undefined
        : day !== undefined && day >= effect.day && day <= (effect.through ?? effect.day);
      if (within) sum += effect.by;
    }
    return sum;
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
