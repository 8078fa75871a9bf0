/**
 * The figures of {@link InMemoryPlatform}, computed from scratch.
 *
 * @module
 */
import { dayOf } from "../../schema/event.ts";
import type { DayMetrics, GameTotals, LeaderboardPage } from "../../schema/queries/game_queries.ts";
import type { PlayerProfile } from "../../schema/queries/player_queries.ts";
import type { StoredEvent } from "./in_memory_platform.ts";

function revenueOf(events: readonly StoredEvent[]): Record<string, number> {
  const revenue: Record<string, number> = {};
  for (const { event } of events) {
    if (event.event_type !== "purchase") continue;
    const { amount, currency } = event.properties as { amount: number; currency: string };
    revenue[currency] = (revenue[currency] ?? 0) + amount;
  }
  return revenue;
}

function countsOf(events: readonly StoredEvent[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { event } of events) counts[event.event_type] = (counts[event.event_type] ?? 0) + 1;
  return counts;
}

const sessionsOf = (events: readonly StoredEvent[]) =>
  new Set(events.map(({ event }) => event.session_id ?? "")).size;

const usersOf = (events: readonly StoredEvent[]) =>
  new Set(events.map(({ event }) => event.user_id)).size;

export function foldProfile(events: readonly StoredEvent[], gameId?: string): PlayerProfile | null {
  const own = events.filter(({ event }) => gameId === undefined || event.game_id === gameId);
  const last = own.at(-1);
  if (last === undefined) return null;
  const times = own.map(({ event }) => event.timestamp);
  const levels = own.map(({ event }) => event.properties.level).filter((l) =>
    typeof l === "number"
  );
  return {
    id: last.event.user_id,
    firstSeen: Math.min(...times),
    lastSeen: Math.max(...times),
    eventsTotal: own.length,
    sessionsTotal: sessionsOf(own),
    playSeconds: (Math.max(...times) - Math.min(...times)) / 1000,
    revenueMinor: revenueOf(own),
    level: levels.length === 0 ? null : Math.max(...levels),
    engagementScore: Math.min(100, own.length),
    eventCounts: countsOf(own),
    currentSession: {
      id: last.event.session_id ?? "",
      gameId: last.event.game_id,
      startedAt: Math.min(...times),
      lastEventAt: Math.max(...times),
      events: own.length,
    },
    version: `0:${last.offset}`,
    stateHash: "0000000000000000",
  };
}

function foldDay(events: readonly StoredEvent[], day: number): DayMetrics {
  const back = (days: number) =>
    events.filter(({ event }) =>
      dayOf(event.timestamp) <= day && dayOf(event.timestamp) > day - days
    );
  const today = back(1);
  return {
    day,
    events: today.length,
    dau: usersOf(today),
    wau: usersOf(back(7)),
    mau: usersOf(back(30)),
    newPlayers: usersOf(today),
    sessions: today.length === 0 ? 0 : sessionsOf(today),
    revenueMinor: revenueOf(today),
    payers: usersOf(today.filter(({ event }) => event.event_type === "purchase")),
  };
}

export function foldDays(
  events: readonly StoredEvent[],
  from: number,
  to: number,
): readonly DayMetrics[] {
  return Array.from({ length: to - from + 1 }, (_, i) => foldDay(events, from + i));
}

export function foldTotals(events: readonly StoredEvent[], now: number): GameTotals {
  const recent = events.filter(({ receivedAt }) => receivedAt > now - 10_000);
  return {
    id: events[0]!.event.game_id,
    eventsTotal: events.length,
    eventsPerSecond: recent.length / 10,
    ccu: sessionsOf(events),
    today: foldDay(events, dayOf(now)),
    revenueMinor: revenueOf(events),
    eventCounts: countsOf(events),
  };
}

/** The best `properties.score` of each player, whatever the board. */
export function foldLeaderboard(
  events: readonly StoredEvent[],
  first: number,
  offset: number,
): LeaderboardPage {
  const best = new Map<string, number>();
  for (const { event } of events) {
    const { score } = event.properties;
    if (typeof score !== "number") continue;
    best.set(event.user_id, Math.max(score, best.get(event.user_id) ?? -Infinity));
  }
  const entries = [...best].sort((a, b) => b[1] - a[1])
    .map(([userId, score], i) => ({ rank: i + 1, userId, score }));
  return {
    entries: entries.slice(offset, offset + first),
    hasNextPage: entries.length > offset + first,
  };
}
