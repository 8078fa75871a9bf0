import assert from "node:assert/strict";
import { testGateway, testHmac } from "../../gateway/testing/test_gateway.ts";
import type { PlayerEvent } from "../../schema/event.ts";
import { expected, type Figures, playerOf, type Sent } from "./expected.ts";
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

/** Who is whom by the links among the events, each `alias > user`. */
function linksOf(events: readonly PlayerEvent[]): string[] {
  const links = events.flatMap(({ event_type, user_id, properties }) => {
    const id = event_type === "alias"
      ? properties["previous_id"]
      : event_type === "identify"
      ? properties["anonymous_id"]
      : undefined;
    return typeof id === "string" ? [`${id} > ${user_id}`] : [];
  });
  return [...new Set(links)].sort();
}

function linksExpected(players: Readonly<Record<string, Sent>>, user: string): string[] {
  return Object.entries(players).flatMap(([id, { isAlso }]) =>
    isAlso === undefined ? [] : [`${playerOf(user, id)} > ${playerOf(user, isAlso)}`]
  ).sort();
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
    for (const [player, { counts, revenue }] of Object.entries(players)) {
      assert.deepEqual(figuresOf(events, playerOf(user, player)), { counts, revenue }, player);
    }
    assert.deepEqual(linksOf(events), linksExpected(players, user));
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
