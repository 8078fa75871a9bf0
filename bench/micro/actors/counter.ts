/**
 * The job that every runtime does here: a counter per player, each event counted once by its id.
 *
 * @module
 */
import type { Behaviour } from "../../../actors/kernel/behaviour.ts";
import { DedupeRing } from "../../../actors/player/dedupe_ring.ts";
import type { PlayerEvent } from "../../../schema/event.ts";
import type { LogRecord } from "../../../supervisor/log/log.ts";

export interface Count {
  n: number;
  readonly ring: DedupeRing;
}

export const newCount = (): Count => ({ n: 0, ring: new DedupeRing() });

/** Counts an event; false for one that was counted before. */
export function count(state: Count, eventId: string): boolean {
  if (!state.ring.add(eventId)) return false;
  state.n++;
  return true;
}

export function encodeCount({ n, ring }: Count): string {
  return JSON.stringify({ n, ring: ring.encode() });
}

export function decodeCount(text: string): Count {
  const { n, ring } = JSON.parse(text) as { n: number; ring: string };
  return { n, ring: DedupeRing.decode(ring) };
}

export const counter: Behaviour<Count, PlayerEvent, "count", number> = {
  kind: "player",
  version: 1,
  durability: "journal",
  create: newCount,
  receive: (state, event) => count(state, event.event_id) ? [] : undefined,
  ask: ({ n }) => n,
  snapshot: (state) => [{ part: "", body: encodeCount(state) }],
  describe: (state) => [{ part: "", body: encodeCount(state) }],
  restore: (_actorId, parts) => decodeCount(parts[0]!.body),
  bytes: ({ ring }) => 100 + ring.bytes,
};

export const playerName = (i: number): string => `u-9f31c2d4-${i}`;

const noon = Date.UTC(2026, 0, 10, 12);

/** Records as the gateway writes them, about 250 bytes, of `players` in turn. */
export function recordsOf(players: number, messages: number): LogRecord[] {
  return Array.from({ length: messages }, (_, offset) => {
    const user_id = playerName(offset % players);
    const event: PlayerEvent = {
      studio: "demo",
      event_id: `0190f3a1-7b2c-7000-8000-${offset.toString(16).padStart(12, "0")}`,
      event_type: "level.start",
      user_id,
      game_id: "starfall",
      timestamp: noon + offset,
      properties: { level: offset % 40 },
      context: { platform: "ios", app_version: "1.4.2" },
    };
    const value = JSON.stringify(event);
    return { offset, timestamp: noon + offset, key: `demo/${user_id}`, value };
  });
}
