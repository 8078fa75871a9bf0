/**
 * What the simulated clients send: a few players in two games over several days, with retries,
 * duplicates and events out of order; some turn out to be one player, and operators take that back.
 *
 * @module
 */
import { internalType, type PlayerEvent, playerId } from "../../schema/event.ts";
import { partitionOf } from "../../schema/partition.ts";
import { DAY_MS } from "../../schema/limits.ts";
import type { NewRecord } from "../../supervisor/log/log.ts";
import type { Random } from "../load/generator/random.ts";

export const studio = "sim";

const types = ["level.start", "level.complete", "purchase", "session.end", "custom.thing"] as const;

/** The events of a run in the order clients first send them. */
export function makeEvents(random: Random, count: number, startMs: number): PlayerEvent[] {
  const events: PlayerEvent[] = [];
  for (let i = 0; i < count; i++) {
    if (random.chance(0.08)) {
      events.push((random.chance(0.6) ? link : unlink)(random, i, startMs));
      continue;
    }
    const type = types[random.below(types.length)]!;
    const properties = type === "purchase"
      ? { amount: 1 + random.below(500), currency: random.chance(.8) ? "USD" : "EUR" }
      : { level: random.below(20) };
    const session = random.below(4);
    events.push({
      studio,
      event_id: `e${i}`,
      event_type: type,
      user_id: userOf(random),
      game_id: `g${random.below(2)}`,
      ...(session === 0 ? {} : { session_id: `s${session}` }),
      timestamp: startMs - random.below(9) * DAY_MS - random.below(3_600_000),
      properties,
      context: {},
    });
  }
  return events;
}

const userOf = (random: Random) => `u${random.below(6)}`;

/** Somebody says who he was before. */
function link(random: Random, i: number, startMs: number): PlayerEvent {
  return {
    studio,
    event_id: `e${i}`,
    event_type: "alias",
    user_id: userOf(random),
    game_id: `g${random.below(2)}`,
    session_id: "s1",
    timestamp: startMs - 3 * DAY_MS,
    properties: { previous_id: userOf(random) },
    context: {},
  };
}

/** An operator takes a link back, if there is one, and asks somebody who may not have it. */
function unlink(random: Random, i: number, startMs: number): PlayerEvent {
  return {
    studio,
    event_id: `e${i}`,
    event_type: internalType.unmerge,
    user_id: userOf(random),
    game_id: "",
    timestamp: startMs,
    properties: { alias: userOf(random) },
    context: {},
  };
}

/** A record as the gateway would append it. */
export function toRecord(event: PlayerEvent, partitions: number): NewRecord {
  const key = playerId(event);
  return { partition: partitionOf(key, partitions), key, value: JSON.stringify(event) };
}
