/**
 * A player's state and its snapshot form.
 *
 * @module
 */
import type { Part } from "../kernel/behaviour.ts";
import { DedupeRing } from "./dedupe_ring.ts";
import {
  decodeMerge,
  type EncodedMerge,
  encodeMerge,
  mergeBytes,
  type MergeState,
} from "./merge/merge_state.ts";
import {
  decodePart,
  type EncodedPart,
  encodePart,
  partBytes,
  type PlayerPart,
} from "./player_part.ts";
import { SessionList } from "./session_list.ts";

/** Games and sessions are those of the player's own user id. */
export interface PlayerState extends PlayerPart {
  ring: DedupeRing;
  /** When the armed session timer comes due, milliseconds; `null` when none is armed. */
  timerDueAt: number | null;
  /** Other user ids that are this player, or whom he turned out to be. Left out where there was never any. */
  merge?: MergeState;
}

/** A player of whom nothing has come yet. */
export function newPlayer(): PlayerState {
  return {
    ring: new DedupeRing(),
    games: new Map(),
    sessions: new SessionList(),
    timerDueAt: null,
  };
}

/** The state as JSON text; equal states give equal text. */
export function encodePlayer(state: PlayerState): string {
  return JSON.stringify({
    ring: state.ring.encode(),
    ...encodePart(state),
    timerDueAt: state.timerDueAt,
    ...(state.merge === undefined ? {} : { merge: encodeMerge(state.merge) }),
  });
}

interface EncodedPlayer extends EncodedPart {
  ring: string;
  timerDueAt: number | null;
  merge?: EncodedMerge;
}

/** @throws {SyntaxError | TypeError | RangeError} it is not the whole of a player */
export function decodePlayer(text: string): PlayerState {
  const body = JSON.parse(text) as EncodedPlayer;
  if (body.timerDueAt !== null && !Number.isFinite(body.timerDueAt)) {
    throw new TypeError("Cannot decode a player without his timer");
  }
  const { games, sessions } = decodePart(body);
  const state: PlayerState = {
    ring: DedupeRing.decode(body.ring),
    games,
    sessions,
    timerDueAt: body.timerDueAt,
  };
  if (body.merge !== undefined) state.merge = decodeMerge(body.merge);
  return state;
}

/**
 * The first version did not tell when the first event of a game arrived: it is taken for the earliest
 * event time. Nor did it know of merges.
 */
export function liftFirstVersion(parts: readonly Part[]): readonly Part[] {
  return parts.map(({ part, body }) => {
    const { games, ...rest } = JSON.parse(body) as { games: [string, { cohortDay: number }][] };
    const lifted = games.map(([id, { cohortDay, ...game }]) => {
      const { revenue, best, payingDays, ...more } = game as unknown as Record<string, unknown[]>;
      return [id, {
        ...more,
        cohort: [cohortDay, 0],
        ...(revenue!.length === 0 ? {} : { revenue }),
        ...(payingDays!.length === 1 ? {} : { payingDays }),
        ...(best!.length === 0 ? {} : { best }),
      }];
    });
    return { part, body: JSON.stringify({ ...rest, games: lifted }) };
  });
}

/** About the bytes a state takes; its constants come from `bench/micro/actor_bytes.ts`. */
export function playerBytes(state: PlayerState): number {
  const merged = state.merge === undefined ? 0 : mergeBytes(state.merge);
  return 370 + state.ring.bytes + partBytes(state) + merged;
}
