import assert from "node:assert/strict";
import { newPlayerGame } from "./player_game.ts";
import { decodePlayer, encodePlayer, liftFirstVersion, newPlayer } from "./player_state.ts";

function encoded(): Record<string, unknown> {
  const player = newPlayer();
  player.ring.add("e");
  player.games.set("g", newPlayerGame(20_000, 5, 7));
  return JSON.parse(encodePlayer(player));
}

Deno.test("decodePlayer() gives the player that was encoded", () => {
  const text = JSON.stringify(encoded());
  assert.equal(encodePlayer(decodePlayer(text)), text);
});

Deno.test("decodePlayer() throws at each part that is missing or of another kind", () => {
  for (const key of Object.keys(encoded())) {
    for (const value of [undefined, {}, "not so", 7.5]) {
      if (key === "timerDueAt" && value === 7.5) continue;
      const text = JSON.stringify({ ...encoded(), [key]: value });
      assert.throws(() => decodePlayer(text), Error, `${key}: ${JSON.stringify(value)}`);
    }
  }
  const [[, game]] = encoded()["games"] as [[string, Record<string, unknown>]];
  for (const key of ["events", "cohort", "activeDays"]) {
    const text = JSON.stringify({ ...encoded(), games: [["g", { ...game, [key]: undefined }]] });
    assert.throws(() => decodePlayer(text), Error, key);
  }
});

/** A player as the first version wrote him. */
const firstVersion = {
  ring: "",
  games: [["g", {
    events: 2,
    sessions: 1,
    playMs: 5,
    cohortDay: 20_000,
    firstSeen: 1000,
    lastSeen: 1005,
    level: 3,
    counts: [["purchase", 2]],
    revenue: [["USD", 7]],
    activeDays: [19_968, 1],
    payingDays: [19_968, 1],
    best: [["score", 4]],
  }], ["h", {
    events: 1,
    sessions: 1,
    playMs: 0,
    cohortDay: 20_001,
    firstSeen: 2000,
    lastSeen: 2000,
    level: null,
    counts: [["custom", 1]],
    revenue: [],
    activeDays: [19_968, 2],
    payingDays: [0],
    best: [],
  }]],
  sessions: [],
  timerDueAt: null,
};

Deno.test("liftFirstVersion() keeps all there is, and takes a first event for arrived when it happened", () => {
  const [lifted] = liftFirstVersion([{ part: "", body: JSON.stringify(firstVersion) }]);
  const { games } = decodePlayer(lifted!.body);
  assert.equal(encodePlayer(decodePlayer(lifted!.body)).length, lifted!.body.length);
  const { activeDays, payingDays, playMs, firstArrival, firstSeen, lastSeen, ...g } = games.get(
    "g",
  )!;
  assert.deepEqual({ ...g, playMs, firstArrival, firstSeen, lastSeen }, {
    events: 2,
    sessions: 1,
    playMs: 5,
    cohortDay: 20_000,
    firstArrival: 1000,
    firstSeen: 1000,
    lastSeen: 1005,
    level: 3,
    counts: ["purchase", 2],
    revenue: ["USD", 7],
    best: ["score", 4],
  });
  assert.deepEqual([activeDays.days(), payingDays.days()], [[19_968], [19_968]]);
  assert.deepEqual(games.get("h")!.payingDays.days(), []);
});

Deno.test("encodePlayer() of a player who was never merged is no longer than in the first version", () => {
  const [lifted] = liftFirstVersion([{ part: "", body: JSON.stringify(firstVersion) }]);
  assert.ok(lifted!.body.length <= JSON.stringify(firstVersion).length);
  assert.ok(!lifted!.body.includes("merge"));
});

Deno.test("decodePlayer() throws at a ring of half an entry, or of too many", () => {
  for (const bytes of [9, 1025 * 8]) {
    const ring = new Uint8Array(bytes).toBase64();
    assert.throws(
      () => decodePlayer(JSON.stringify({ ...encoded(), ring })),
      /Cannot decode a ring/,
    );
  }
});
