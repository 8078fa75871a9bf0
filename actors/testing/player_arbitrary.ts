/**
 * Random lives of one player: sessions, days, purchases, duplicates, silence and late timers.
 *
 * @module
 */
import fc from "fast-check";
import type { JsonObject, PlayerEvent } from "../../schema/event.ts";
import { DAY_MS } from "../../schema/limits.ts";
import { MINUTE, noon, playerEvent } from "./player_harness.ts";

/** An event and how long after the one before it arrives, milliseconds. */
export interface Arrival {
  readonly event: PlayerEvent;
  readonly gapMs: number;
}

/** Names that a careless object would trip over. */
export const hostileNames = ["__proto__", "constructor", "toString", "hasOwnProperty", "then"];

const kind: fc.Arbitrary<{ event_type: string; properties: JsonObject }> = fc.oneof(
  fc.record({
    event_type: fc.constantFrom("level.start", "level.complete", "custom", ...hostileNames),
    properties: fc.record(
      {
        level: fc.integer({ min: 0, max: 30 }),
        score: fc.oneof(
          fc.integer({ min: -50, max: 50 }),
          fc.double({ min: -9, max: 9, noNaN: true }),
        ),
        board: fc.constantFrom("score", "weekly", ...hostileNames),
      },
      { requiredKeys: [], noNullPrototype: true },
    ),
  }),
  fc.record({
    event_type: fc.constant("purchase"),
    properties: fc.record({
      amount: fc.integer({ min: 0, max: 10_000 }),
      currency: fc.constantFrom("USD", "EUR", "JPY"),
    }, { noNullPrototype: true }),
  }),
  fc.constant({ event_type: "session.start", properties: {} }),
  fc.constant({ event_type: "session.end", properties: {} }),
);

const gapMs = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: 0, max: 5 * MINUTE }) },
  { weight: 2, arbitrary: fc.constantFrom(0, 15 * MINUTE, 30 * MINUTE - 1, 30 * MINUTE) },
  { weight: 1, arbitrary: fc.integer({ min: 30 * MINUTE, max: 5 * DAY_MS }) },
);

/** Event time less the time of arrival. */
const lagMs = fc.oneof(
  { weight: 4, arbitrary: fc.integer({ min: -MINUTE, max: 0 }) },
  { weight: 2, arbitrary: fc.integer({ min: -30, max: 1 }).map((days) => days * DAY_MS) },
);

const arrival = fc.record({
  kind,
  gapMs,
  lagMs,
  game_id: fc.constantFrom("g", "h", "constructor"),
  session: fc.constantFrom("", "a", "b", "__proto__"),
  /** Small, so that ids come again. */
  id: fc.nat({ max: 120 }),
});

/** At most `maxLength` arrivals, the first at {@link noon}; about a third repeat an id. */
export function arrivals(maxLength: number): fc.Arbitrary<Arrival[]> {
  return fc.array(arrival, { maxLength, size: "max" }).map((list) => {
    let now = noon;
    return list.map(({ kind, gapMs, lagMs, game_id, session, id }) => {
      now += gapMs;
      const { session_id: _, ...event } = playerEvent({
        ...kind,
        event_id: `id${id}`,
        game_id,
        timestamp: now + lagMs,
      });
      return { event: session === "" ? event : { ...event, session_id: session }, gapMs };
    });
  });
}
