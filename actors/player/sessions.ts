/**
 * A player's sessions. A session is the run of one (game, session id) without 30 minutes of silence
 * on arrival time. `session.end` closes it, and until 30 minutes of silence its id stays remembered,
 * so that a late event neither reopens nor recounts it. Events that name no session form an implicit
 * one per game, which `session.end` really ends.
 *
 * @module
 */
import { gameActorId, type PlayerEvent } from "../../schema/event.ts";
import { limits } from "../../schema/limits.ts";
import type { Effect, MessageContext } from "../kernel/behaviour.ts";
import type { PlayerPart } from "./player_part.ts";
import type { PlayerState } from "./player_state.ts";
import { type Session, type SessionList, sessionState } from "./session_list.ts";

/** The name of the one durable timer a player has. */
export const sessionTimer = "session";

/** What an event did to its session. */
export interface SessionStep {
  /** It was the first event of a session. */
  readonly started: boolean;
  /** By how much the session's span (last minus first event time) grew, milliseconds. */
  readonly grownMs: number;
}

/** One session more or one less is open in a game. */
function pushCcu(gameId: string, by: 1 | -1, studio: string, effects: Effect[]): void {
  effects.push({ type: "delta", game: gameActorId(studio, gameId), metric: "ccu", by });
}

/** Forgets sessions that have been silent too long, closing those still open. */
export function expireSessions(
  state: PlayerPart,
  now: number,
  studio: string,
  effects: Effect[],
): void {
  const since = now - limits.sessionSilenceMs;
  for (const { open, gameId } of state.sessions.removeSilent(since)) {
    if (open) pushCcu(gameId, -1, studio, effects);
  }
}

/**
 * Closes the sessions of an alias that have been silent too long, and remembers them: what came to the
 * alias in time may come here later.
 */
export function closeSilentSessions(
  { sessions }: PlayerPart,
  now: number,
  studio: string,
  effects: Effect[],
): void {
  const since = now - limits.sessionSilenceMs;
  for (let i = 0; i < sessions.length; i++) {
    if (sessions.state(i) !== sessionState.open || sessions.lastArrival(i) > since) continue;
    sessions.setState(i, sessionState.silent);
    pushCcu(sessions.gameId(i), -1, studio, effects);
  }
}

/** Makes room for one more: the longest silent goes, ended ones first. */
function evictSession(sessions: SessionList, studio: string, effects: Effect[]): void {
  if (sessions.length < limits.sessionsRememberedMax) return;
  const { open, gameId } = sessions.remove(sessions.longestSilent());
  if (open) pushCcu(gameId, -1, studio, effects);
}

/** Begins the session of an event, which is still to be counted. @returns its index */
function beginSession(
  sessions: SessionList,
  id: string,
  { game_id: gameId, studio, timestamp }: PlayerEvent,
  { partition, offset, now }: MessageContext,
  effects: Effect[],
): number {
  evictSession(sessions, studio, effects);
  pushCcu(gameId, 1, studio, effects);
  return sessions.add({
    id,
    gameId,
    open: true,
    startedAtPosition: id === "" ? `${partition}:${offset}` : "",
    firstAt: timestamp,
    lastAt: timestamp,
    lastArrival: now,
    events: 0,
  });
}

/** Counts the event into its session; expired sessions must have been forgotten before. */
export function stepSession(
  { sessions }: PlayerPart,
  event: PlayerEvent,
  ctx: MessageContext,
  effects: Effect[],
): SessionStep {
  const { game_id: gameId, studio } = event;
  const id = event.session_id ?? "";
  const found = sessions.find(gameId, id);
  const started = found === -1;
  const index = started ? beginSession(sessions, id, event, ctx, effects) : found;
  if (sessions.state(index) === sessionState.silent) {
    // It was not silent after all.
    sessions.setState(index, sessionState.open);
    pushCcu(gameId, 1, studio, effects);
  }
  const grownMs = sessions.count(index, event.timestamp, ctx.now);
  if (event.event_type === "session.end") endSession(sessions, index, studio, effects);
  return { started, grownMs };
}

/** Ends a session; one without a name is not remembered, as the next has none either. */
function endSession(
  sessions: SessionList,
  index: number,
  studio: string,
  effects: Effect[],
): void {
  const { id, gameId, open } = sessions.at(index);
  if (open) pushCcu(gameId, -1, studio, effects);
  if (id === "") sessions.remove(index);
  else sessions.setState(index, sessionState.ended);
}

/**
 * Arms the session timer when a session is open and none is armed. A later event does not move the
 * timer: when it fires and the session is not silent yet, it is armed again for the time that is
 * left, so a session costs one timer row and not one an event.
 */
export function armSessionTimer(state: PlayerState, effects: Effect[]): void {
  // What comes by way of an alias may be due before the timer.
  if (state.timerDueAt !== null && state.merge === undefined) return;
  let earliest = state.sessions.earliestOpen();
  for (const { part } of state.merge?.aliases.values() ?? []) {
    earliest = Math.min(earliest, part.sessions.earliestOpen());
  }
  const dueAt = earliest + limits.sessionSilenceMs;
  if (dueAt >= (state.timerDueAt ?? Infinity)) return;
  state.timerDueAt = dueAt;
  effects.push({ type: "timer", name: sessionTimer, dueAt });
}

/** The open session with the newest event, if any; of several that of the last part. */
export function currentSession(
  parts: readonly Pick<PlayerPart, "sessions">[],
  gameId?: string,
): Session | undefined {
  let newest: Session | undefined;
  for (const { sessions } of parts) {
    const index = sessions.newestOpen(gameId);
    if (index === -1) continue;
    if (newest === undefined || sessions.lastArrival(index) >= newest.lastArrival) {
      newest = sessions.at(index);
    }
  }
  return newest;
}
