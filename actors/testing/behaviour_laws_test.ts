import assert from "node:assert/strict";
import fc from "fast-check";
import { InvalidInput } from "../../schema/errors.ts";
import { game } from "../game/game.ts";
import type { Behaviour } from "../kernel/behaviour.ts";
import { player } from "../player/player.ts";
import { assertBehaviourLaws, type Sent } from "./behaviour_laws.ts";
import { gameMessages } from "./game_arbitrary.ts";
import { arrivals } from "./player_arbitrary.ts";

interface Sum {
  n: number;
  high: number;
}
type Add = { readonly add: number };

/** A behaviour that keeps every law: it adds up, and refuses negative numbers. */
const sum: Behaviour<Sum, Add, "sum", number> = {
  kind: "sum",
  version: 1,
  durability: "journal",
  create: () => ({ n: 0, high: 0 }),
  receive(state, { add }) {
    if (add < 0) throw new InvalidInput("negative", "no", "add");
    if (add === 0) return undefined;
    state.n += add;
    state.high = Math.max(state.high, add);
    return [{ type: "delta", game: "demo/g", metric: "n", by: add, day: 1, through: 2 }];
  },
  ask: (state) => state.n,
  snapshot: (state) => [{ part: "", body: JSON.stringify(state) }],
  describe: (state) => [{ part: "", body: JSON.stringify(state) }],
  restore: (_actorId, parts) => JSON.parse(parts[0]!.body) as Sum,
  bytes: () => 50,
};

const adds: fc.Arbitrary<Sent<Add>[]> = fc.array(
  fc.record({
    message: fc.record({ add: fc.integer({ min: -2, max: 5 }) }),
    gapMs: fc.integer({ min: 0, max: 1000 }),
  }),
  { maxLength: 12 },
);

function assertSum(broken: Partial<typeof sum> = {}): void {
  assertBehaviourLaws({ ...sum, ...broken }, { messages: adds, queries: fc.constant("sum") }, {
    seed: 7,
  });
}

let ticks = 0;
const shared = { n: 0, high: 0 };

const lawbreakers: readonly [why: string, message: RegExp, Partial<typeof sum>][] = [
  ["counts calls", /gave other effects/, {
    receive: () => [{ type: "delta", game: "demo/g", metric: "n", by: ++ticks }],
  }],
  ["reads the clock", /must not use Date.now/, {
    receive: (state) => (state.n = Date.now(), []),
  }],
  ["reads the clock by new Date()", /must not use new Date/, {
    receive: (state) => (state.n = new Date().getTime(), []),
  }],
  ["throws dice", /must not use Math.random/, { receive: (s) => (s.n = Math.random(), []) }],
  ["shares a state between actors", /another (actor|state)|other effects|changed the state/, {
    create: () => shared,
  }],
  ["changes its message", /changed its message/, {
    receive: (_state, message) => ((message as { add: number }).add++, []),
  }],
  ["forgets on restore", /restored actor/, { restore: () => ({ n: 0, high: 0 }) }],
  ["forgets a field in its snapshot", /restored actor has another state/, {
    snapshot: ({ n }) => [{ part: "", body: JSON.stringify({ n, high: 0 }) }],
  }],
  ["changes on an ignored message", /ignored or refused/, {
    receive: (state) => (state.n++, undefined),
  }],
  ["changes before it refuses", /ignored or refused/, {
    receive(state) {
      state.n++;
      throw new InvalidInput("negative", "no", "add");
    },
  }],
  ["changes when asked", /ask\(\) changed/, { ask: (state) => ++state.n }],
  ["changes when described", /describe\(\) changed/, {
    describe: (state) => [{ part: "", body: String(state.n++) }],
  }],
  ["changes when measured", /bytes\(\) changed/, { bytes: (state) => (state.n++, 1) }],
  ["has no size", /bytes\(\) must be above 0/, { bytes: () => 0 }],
  ["sends what is no number", /must be finite/, {
    receive: () => [{ type: "delta", game: "demo/g", metric: "n", by: NaN }],
  }],
  ["sends a range that runs back", /must run forward/, {
    receive: () => [{ type: "delta", game: "demo/g", metric: "n", by: 1, day: 2, through: 1 }],
  }],
  ["arms a timer for half a millisecond", /whole millisecond/, {
    receive: () => [{ type: "timer", name: "t", dueAt: 0.5 }],
  }],
];

Deno.test("assertBehaviourLaws() passes a behaviour that keeps them", () => assertSum());

for (const [why, message, broken] of lawbreakers) {
  Deno.test(`assertBehaviourLaws() finds a behaviour that ${why}`, () => {
    assert.throws(() => assertSum(broken), (error: Error) => {
      const cause = error.cause instanceof Error ? error.cause.message : "";
      assert.match(`${error.message}\n${cause}`, message);
      return true;
    });
    assert.doesNotThrow(() => [new Date(), Math.random(), crypto.randomUUID()], "given back");
  });
}

Deno.test("assertBehaviourLaws() passes the player", () => {
  assertBehaviourLaws(player, {
    messages: arrivals(40).map((list) =>
      list.map(({ event, gapMs }) => ({ message: event, gapMs }))
    ),
    queries: fc.constantFrom<{ type: "profile"; gameId?: string }>(
      { type: "profile" },
      { type: "profile", gameId: "g" },
      { type: "profile", gameId: "constructor" },
    ),
  }, { numRuns: 60 });
});

Deno.test("assertBehaviourLaws() passes the game", () => {
  assertBehaviourLaws(game, {
    actorId: "demo/g",
    messages: gameMessages(12).map((list) => list.map((message) => ({ message, gapMs: 250 }))),
    queries: fc.constantFrom(
      { type: "totals" as const },
      { type: "days" as const, from: 20_460, to: 20_470 },
      { type: "leaderboard" as const, board: "a", first: 3, offset: 0 },
    ),
  });
});
