/**
 * The smallest behaviour that has everything: it adds numbers up, and throws when told to. Its
 * messages are read from JSON, `{"studio":"t","user_id":"a","event_type":"add","properties":{"n":1}}`.
 *
 * @module
 */
import type { Behaviour } from "../../../actors/kernel/behaviour.ts";
import { InvalidInput } from "../../../schema/errors.ts";
import type { PlayerEvent } from "../../../schema/event.ts";
import { limits } from "../../../schema/limits.ts";
import type { Stage } from "../stage.ts";
import { gameStage, playerStage } from "../stages.ts";
import { rawEvent } from "./shard_world.ts";

export interface Tally {
  sum: number;
  /** Offsets of the messages that were added. */
  offsets: number[];
}

/** Each state takes this many bytes, and a cell 300 more. */
export const tallyBytes = 700;

/** How often `receive` was called; and throws still to come for messages of type `flaky`. */
export const tallyProbe = { received: 0, flaky: 0 };

let throwsFor: string | undefined;

/** From here on it throws at every message of this user, as if its code were another. */
export function tallyThrowsFor(user: string | undefined): void {
  throwsFor = user;
}

const tally: Behaviour<Tally, PlayerEvent, "sum", number> = {
  kind: "player",
  version: 5,
  durability: "journal",
  create: () => ({ sum: 0, offsets: [] }),
  receive(state, event, { offset, actorId, now }) {
    tallyProbe.received++;
    const n = Number(event.properties["n"] ?? 0);
    if (throwsFor !== undefined && actorId === `t/${throwsFor}`) throw new TypeError("told to");
    if (event.event_type === "refused") throw new InvalidInput("refused", "told to", "n");
    if (n === 0) return undefined;
    state.sum += n;
    // After a change: what throws must not leave half of it behind.
    if (event.event_type === "poison") throw new TypeError("told to");
    if (event.event_type === "flaky" && tallyProbe.flaky-- > 0) throw new TypeError("this time");
    state.offsets.push(offset);
    return [
      { type: "delta", game: "t/game", metric: "ccu", by: n },
      { type: "timer", name: "t", dueAt: n < 0 ? null : now + limits.sessionSilenceMs },
      { type: "score", game: "t/game", board: "b", userId: actorId, score: n },
    ];
  },
  ask: (state) => state.sum,
  snapshot: (state) => [{ part: "", body: JSON.stringify(state) }],
  describe: (state) => [{ part: "", body: JSON.stringify(state) }],
  restore: (_actorId, parts) => JSON.parse(parts[0]!.body) as Tally,
  bytes: () => tallyBytes,
};

/** Reads player events. */
export const tallyStage: Stage = playerStage(tally);

/** The same over folded deltas: totals are added up, and `totals.poison` throws. Snapshot durable. */
export const tallyGameStage: Stage = gameStage(
  {
    ...tally,
    kind: "game",
    durability: "snapshot",
    receive(state: Tally, message: { delta: { totals: Record<string, number> } }, ctx) {
      state.sum += message.delta.totals["ccu"] ?? 0;
      if (message.delta.totals["poison"] !== undefined) throw new TypeError("told to");
      state.offsets.push(ctx.offset);
      return [];
    },
  } satisfies Behaviour<Tally, { delta: { totals: Record<string, number> } }, "sum", number>,
);

/** `add` of `n` to the tally of `user`. */
export function addEvent(user: string, n: number, event_type = "add"): PlayerEvent {
  return rawEvent({ studio: "t", user_id: user, event_type, properties: { n } });
}
