import assert from "node:assert/strict";
import { testGateway, testHmac } from "../../gateway/testing/test_gateway.ts";
import type { PlayerEvent } from "../../schema/event.ts";
import { expected, type Figures, playerOf } from "./expected.ts";
import { faultyPath, runClient } from "./faulty_path.ts";

/** The figures of the events of one player, each id counted once. */
function figuresOf(events: readonly PlayerEvent[], user: string): Figures {
  const counts: Record<string, number> = {};
  const revenue: Record<string, number> = {};
  const own = events.filter((event) => event.user_id === user);
  for (const event of new Map(own.map((one) => [one.event_id, one])).values()) {
    counts[event.event_type] = (counts[event.event_type] ?? 0) + 1;
    if (event.event_type !== "purchase") continue;
    const { amount, currency } = event.properties as { amount: number; currency: string };
    revenue[currency] = (revenue[currency] ?? 0) + amount;
  }
  return { counts, revenue };
}

for (const [name, players] of Object.entries(expected)) {
  Deno.test(`the SDK of ${name} loses and doubles nothing when it must send again`, async () => {
    const gateway = testGateway({ now: Date.now });
    const path = faultyPath(name, (request) => Promise.resolve(gateway.fetch(request)));
    const user = `${name}-ann`;
    const key = name === "gameanalytics" ? `${testHmac.id}:${testHmac.secret}` : "full@chess";
    try {
      await runClient([name, path.url, key, user]);
    } finally {
      await path.stop();
    }
    const events = gateway.platform.stored.map(({ event }) => event);
    for (const [player, figures] of Object.entries(players)) {
      assert.deepEqual(figuresOf(events, playerOf(user, player)), figures, player);
    }
    const users = new Set(events.map(({ user_id }) => user_id));
    assert.deepEqual([...users].sort(), Object.keys(players).map((p) => playerOf(user, p)).sort());
    assert.deepEqual(new Set(events.map(({ game_id }) => game_id)), new Set(["chess"]));
    assert.deepEqual(gateway.platform.deadLetters, []);
    assert.deepEqual(gateway.logged, []);
    // The faults must have been met, or nothing was tried.
    assert.ok(path.turnedAway() > 0 && path.lost() > 0, `${path.turnedAway()} ${path.lost()}`);
    const ids = new Set(events.map((event) => `${event.user_id} ${event.event_id}`));
    assert.ok(events.length > ids.size, "no event came twice");
  });
}
