/**
 * Random lives of one game: folded deltas as several shards of players send them.
 *
 * @module
 */
import fc from "fast-check";
import type { GameMessage } from "../game/game.ts";
import { hostileNames } from "./player_arbitrary.ts";
import { noon, today } from "./player_harness.ts";

const name = fc.constantFrom("USD", "EUR", "a", ...hostileNames);
const metric = fc.oneof(
  fc.constantFrom("events", "dau", "wau", "mau", "new_players", "sessions", "payers"),
  name.map((currency) => `revenue:${currency}`),
);
const counts = (key: fc.Arbitrary<string>) =>
  fc.dictionary(key, fc.integer({ min: -5, max: 500 }), { minKeys: 1, maxKeys: 6 });
const someDay = fc.integer({ min: today - 3, max: today + 3 }).map(String);

/** A message as it comes out of the log, near {@link noon}. */
export const gameMessage: fc.Arbitrary<GameMessage> = fc.record({
  at: fc.integer({ min: noon, max: noon + 30_000 }),
  delta: fc.record({
    totals: counts(fc.oneof(fc.constant("ccu"), name.map((type) => `type:${type}`))),
    days: fc.dictionary(someDay, counts(metric), { maxKeys: 4 }),
    scores: fc.dictionary(name, counts(name), { maxKeys: 3 }),
  }),
}).map((message) => JSON.parse(JSON.stringify(message)) as GameMessage);

export function gameMessages(maxLength: number): fc.Arbitrary<GameMessage[]> {
  return fc.array(gameMessage, { maxLength, size: "max" });
}
