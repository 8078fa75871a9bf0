/**
 * The engagement score of a player.
 *
 * @module
 */
import { dayOf } from "../../schema/event.ts";
import type { PlayerGame } from "./player_game.ts";

const windowDays = 28;

/**
 * 0 to 100: how habitually a player plays now. The weighted sum of three shares, each 0 to 1 —
 * frequency (active days of the last 28, saturating at 14), depth (minutes a session, saturating at
 * 20) and commitment (paying days of the last 28, saturating at 4) — halved for each 7 days since
 * the last event: `100 · (0.6 f + 0.3 d + 0.1 c) · 2^(−idleDays / 7)`. The formula is our own.
 *
 * @param now milliseconds since the Unix epoch
 */
export function engagementScore(games: Iterable<PlayerGame>, now: number): number {
  const today = dayOf(now);
  let active = 0;
  let paying = 0;
  let playMs = 0;
  let sessions = 0;
  let lastSeen = -Infinity;
  for (const game of games) {
    active = Math.max(active, game.activeDays.countBetween(today - windowDays + 1, today));
    paying = Math.max(paying, game.payingDays.countBetween(today - windowDays + 1, today));
    playMs += game.playMs;
    sessions += game.sessions;
    lastSeen = Math.max(lastSeen, game.lastSeen);
  }
  const frequency = Math.min(1, active / 14);
  const depth = sessions === 0 ? 0 : Math.min(1, playMs / sessions / (20 * 60_000));
  const commitment = Math.min(1, paying / 4);
  const idleDays = Math.max(0, now - lastSeen) / 86_400_000;
  const score = 100 * (0.6 * frequency + 0.3 * depth + 0.1 * commitment) * 2 ** (-idleDays / 7);
  return Math.round(score * 100) / 100;
}
