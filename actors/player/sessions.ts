/**
 * A player's sessions. A session is the run of one (game, session id) without 30 minutes of silence
 * on arrival time. `session.end` closes it, and until 30 minutes of silence its id stays remembered,
 * so that a late event neither reopens nor recounts it. Events that name no session form an implicit
 * one per game, which `session.end` really ends.
 *
 * @module
 */
import type { PlayerEvent } from "../../schema/event.ts";
import { limits } from "../../schema/limits.ts";
import type { Effect, MessageContext } from "../kernel/behaviour.ts";
import type { PlayerPart, Session } from "./player_part.ts";
import type { PlayerState } from "./player_state.ts";

/** The name of the one durable timer a player has. */
export const sessionTimer = "session";

/** What an event did to its session. */
export interface SessionStep {
  /** It was the first event of a session. */
  readonly started: boolean;
  /** By how much the session's span (last minus first event time) grew, milliseconds. */
  readonly grownMs: number;
}

function findSession(state: PlayerPart, gameId: string, id: string): Session | undefined {
  for (const session of state.sessions) {
    if (session.id === id && session.gameId === gameId) return session;
  }
  return undefined;
}

function close(session: Session, studio: string, effects: Effect[]): void {
  if (!session.open) return;
  session.open = false;
  effects.push({ type: "delta", game: `${studio}/${session.gameId}`, metric: "ccu", by: -1 });
}

/** Forgets sessions that have been silent too long, closing those still open. */
export function expireSessions(
  state: PlayerPart,
  now: number,
  studio: string,
  effects: Effect[],
): void {
  const since = now - limits.sessionSilenceMs;
  let expired = 0;
  for (const session of state.sessions) {
    if (session.lastArrival > since) continue;
    close(session, studio, effects);
    expired++;
  }
  if (expired > 0) state.sessions = state.sessions.filter((s) => s.lastArrival > since);
}

/**
 * Closes the sessions of an alias that have been silent too long, and remembers them: what came to the
 * alias in time may come here later.
 */
export function closeSilentSessions(
  part: PlayerPart,
  now: number,
  studio: string,
  effects: Effect[],
): void {
  const since = now - limits.sessionSilenceMs;
  for (const session of part.sessions) {
    if (!session.open || session.lastArrival > since) continue;
    close(session, studio, effects);
    session.silent = true;
  }
}

/** It was not silent after all. */
function wake(session: Session, studio: string, effects: Effect[]): void {
  delete session.silent;
  session.open = true;
  effects.push({ type: "delta", game: `${studio}/${session.gameId}`, metric: "ccu", by: 1 });
}

/** Makes room for one more: the longest silent goes, ended ones first. */
function evictSession(state: PlayerPart, studio: string, effects: Effect[]): void {
  if (state.sessions.length < limits.sessionsRememberedMax) return;
  const victim = state.sessions.reduce((a, b) =>
    a.open === b.open ? (b.lastArrival < a.lastArrival ? b : a) : (a.open ? b : a)
  );
  close(victim, studio, effects);
  state.sessions = state.sessions.filter((s) => s !== victim);
}

/** Counts the event into its session; expired sessions must have been forgotten before. */
export function stepSession(
  state: PlayerPart,
  event: PlayerEvent,
  ctx: MessageContext,
  effects: Effect[],
): SessionStep {
  const id = event.session_id ?? "";
  let session = findSession(state, event.game_id, id);
  const started = session === undefined;
  if (session === undefined) {
    evictSession(state, event.studio, effects);
    session = {
      id,
      gameId: event.game_id,
      open: true,
      startedAtPosition: id === "" ? `${ctx.partition}:${ctx.offset}` : "",
      firstAt: event.timestamp,
      lastAt: event.timestamp,
      lastArrival: ctx.now,
      events: 0,
    };
    state.sessions = [...state.sessions, session];
    effects.push({
      type: "delta",
      game: `${event.studio}/${event.game_id}`,
      metric: "ccu",
      by: 1,
    });
  } else if (session.silent === true) wake(session, event.studio, effects);
  const spanMs = session.lastAt - session.firstAt;
  session.firstAt = Math.min(session.firstAt, event.timestamp);
  session.lastAt = Math.max(session.lastAt, event.timestamp);
  session.lastArrival = Math.max(session.lastArrival, ctx.now);
  session.events++;
  const grownMs = session.lastAt - session.firstAt - spanMs;
  if (event.event_type === "session.end") {
    close(session, event.studio, effects);
    if (id === "") state.sessions = state.sessions.filter((s) => s !== session);
  }
  return { started, grownMs };
}

function dueOf({ open, lastArrival }: Session): number {
  return open ? lastArrival + limits.sessionSilenceMs : Infinity;
}

/**
 * Arms the session timer when a session is open and none is armed. A later event does not move the
 * timer: when it fires and the session is not silent yet, it is armed again for the time that is
 * left, so a session costs one timer row and not one an event.
 */
export function armSessionTimer(state: PlayerState, effects: Effect[]): void {
  // What comes by way of an alias may be due before the timer.
  if (state.timerDueAt !== null && state.merge === undefined) return;
  let dueAt = Infinity;
  for (const session of state.sessions) dueAt = Math.min(dueAt, dueOf(session));
  for (const { part } of state.merge?.aliases.values() ?? []) {
    for (const session of part.sessions) dueAt = Math.min(dueAt, dueOf(session));
  }
  if (dueAt >= (state.timerDueAt ?? Infinity)) return;
  state.timerDueAt = dueAt;
  effects.push({ type: "timer", name: sessionTimer, dueAt });
}

/** The open session with the newest event, if any. */
export function currentSession(
  state: Pick<PlayerPart, "sessions">,
  gameId?: string,
): Session | undefined {
  let newest: Session | undefined;
  for (const session of state.sessions) {
    if (!session.open || (gameId !== undefined && session.gameId !== gameId)) continue;
    if (newest === undefined || session.lastArrival >= newest.lastArrival) newest = session;
  }
  return newest;
}
