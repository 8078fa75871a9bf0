import assert from "node:assert/strict";
import { fingerprintHex } from "../../schema/hash.ts";
import {
  implicitEvent,
  MINUTE,
  noon,
  playerEvent,
  PlayerHarness,
} from "../testing/player_harness.ts";
import { player } from "./player.ts";

/** Ann in two games: two sessions in `g`, one without a name in `h`. */
function twoGames(): PlayerHarness {
  const p = new PlayerHarness();
  const buy = (amount: number, currency: string) => ({
    event_type: "purchase",
    properties: { amount, currency },
  });
  p.receive(playerEvent({ properties: { level: 4 } }));
  p.receive(playerEvent({ ...buy(499, "USD"), timestamp: noon + 60_000 }), noon + MINUTE);
  p.receive(playerEvent({ event_type: "session.end", timestamp: noon + 90_000 }), noon + MINUTE);
  p.receive(playerEvent({ session_id: "t", timestamp: noon + 100_000 }), noon + 2 * MINUTE);
  p.receive(
    implicitEvent({ game_id: "h", ...buy(100, "USD"), timestamp: noon - 5000 }),
    noon + 3 * MINUTE,
  );
  p.receive(
    implicitEvent({ game_id: "h", ...buy(80, "EUR"), timestamp: noon + 5000 }),
    noon + 4 * MINUTE,
  );
  return p;
}

Deno.test("profile sums all games of a player", () => {
  const p = twoGames();
  const { engagementScore, ...profile } = p.profile(undefined, noon + 5 * MINUTE);
  assert.deepEqual(profile, {
    id: "ann",
    firstSeen: noon - 5000,
    lastSeen: noon + 100_000,
    eventsTotal: 6,
    sessionsTotal: 3,
    playSeconds: 90 + 10,
    revenueMinor: { USD: 599, EUR: 80 },
    level: 4,
    eventCounts: { "level.start": 2, "purchase": 3, "session.end": 1 },
    currentSession: {
      id: "implicit:3:4",
      gameId: "h",
      startedAt: noon - 5000,
      lastEventAt: noon + 5000,
      events: 2,
    },
    version: "3:5",
    stateHash: p.hash,
  });
  assert.ok(engagementScore > 0);
});

Deno.test("profile of a game gives the figures of that game", () => {
  const p = twoGames();
  const { engagementScore: _, ...profile } = p.profile("h");
  assert.deepEqual(profile, {
    id: "ann",
    firstSeen: noon - 5000,
    lastSeen: noon + 5000,
    eventsTotal: 2,
    sessionsTotal: 1,
    playSeconds: 10,
    revenueMinor: { USD: 100, EUR: 80 },
    level: null,
    eventCounts: { purchase: 2 },
    currentSession: p.profile().currentSession,
    version: "3:5",
    stateHash: p.hash,
  });
  assert.equal(p.profile("g").currentSession!.id, "t");
});

Deno.test("profile of a game never touched is zeros, seen when the player was seen", () => {
  const p = twoGames();
  const { firstSeen, lastSeen, version, stateHash, ...rest } = p.profile("nowhere");
  assert.deepEqual(rest, {
    id: "ann",
    eventsTotal: 0,
    sessionsTotal: 0,
    playSeconds: 0,
    revenueMinor: {},
    level: null,
    engagementScore: 0,
    eventCounts: {},
    currentSession: null,
  });
  assert.deepEqual([firstSeen, lastSeen], [noon - 5000, noon + 100_000]);
  assert.deepEqual([version, stateHash], [p.profile().version, p.hash]);
});

Deno.test("profile names a player by all that follows the studio", () => {
  const p = new PlayerHarness();
  p.receive(playerEvent());
  const ctx = { actorId: "demo/a/b", now: noon, version: "0:0" };
  assert.equal(player.ask(p.state, { type: "profile" }, ctx).id, "a/b");
});

Deno.test("profile survives JSON and structuredClone, as it crosses workers and nodes", () => {
  const p = twoGames();
  p.receive(playerEvent({ event_type: "__proto__" }), noon + 5 * MINUTE);
  const profile = p.profile();
  assert.equal(Object.entries(profile.eventCounts).find(([type]) => type === "__proto__")?.[1], 1);
  for (const copy of [structuredClone(profile), JSON.parse(JSON.stringify(profile))]) {
    assert.deepEqual(copy, profile);
    assert.deepEqual(Object.entries(copy.eventCounts), Object.entries(profile.eventCounts));
  }
});

Deno.test("profile's hash is that of the snapshot", () => {
  const p = twoGames();
  assert.equal(p.profile().stateHash, fingerprintHex(player.snapshot(p.state)[0]!.body));
});
