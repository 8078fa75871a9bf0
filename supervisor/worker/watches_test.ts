import assert from "node:assert/strict";
import type { PlayerEvent } from "../../schema/event.ts";
import type { EventFilter } from "../platform.ts";
import type { CommitBatch } from "../store/store.ts";
import { matches, Watches } from "./watches.ts";

const event = (fields: Partial<PlayerEvent> = {}): PlayerEvent => ({
  studio: "demo",
  event_id: "e1",
  event_type: "level.start",
  user_id: "ann",
  game_id: "g",
  session_id: "s",
  timestamp: 5000,
  properties: { level: 1 },
  context: { platform: "ios" },
  ...fields,
});

function batchOf(events: readonly PlayerEvent[], stage: "player" | "game" = "player"): CommitBatch {
  return {
    stage,
    partition: 4,
    epoch: 1,
    oldOffset: 10,
    newOffset: 10 + events.length,
    rows: events.map((event, i) => ({
      offset: 10 + i,
      receivedAt: 6000 + i,
      actorId: `${event.studio}/${event.user_id}`,
      actorKey: "0",
      value: JSON.stringify(event),
    })),
    snapshots: [],
    outbox: [],
    timers: [],
    sources: {},
    emittedOffset: 0,
    hashChange: "0",
  };
}

const all = { id: 1, type: "events", studio: "demo", filter: {} } as const;

Deno.test("matches() holds when every given part of the filter does", () => {
  const cases: [EventFilter, boolean][] = [
    [{}, true],
    [{ userId: "ann" }, true],
    [{ userId: "bob" }, false],
    [{ gameId: "g" }, true],
    [{ gameId: "h" }, false],
    [{ types: ["purchase", "level.start"] }, true],
    [{ types: ["purchase"] }, false],
    [{ types: [] }, false],
    [{ from: 5000 }, true],
    [{ from: 5001 }, false],
    [{ to: 5001 }, true],
    [{ to: 5000 }, false],
    [{ userId: "ann", gameId: "g", types: ["level.start"], from: 1, to: 9999 }, true],
    [{ userId: "ann", gameId: "g", types: ["level.start"], from: 1, to: 2 }, false],
  ];
  for (const [filter, expected] of cases) {
    assert.equal(matches(event(), filter), expected, JSON.stringify(filter));
  }
});

Deno.test("Watches.match() gives an events watch the events of its studio as they are recorded", () => {
  const watches = new Watches();
  watches.add(all);
  const { session_id: _, ...sessionless } = event({ event_id: "e3" });
  const batch = batchOf([event(), event({ studio: "other" }), sessionless]);
  const [fired, ...others] = watches.match(batch, []);
  assert.deepEqual(others, []);
  assert.equal(fired!.id, 1);
  assert.deepEqual(fired!.events![0], {
    id: "e1",
    type: "level.start",
    userId: "ann",
    gameId: "g",
    sessionId: "s",
    timestamp: 5000,
    receivedAt: 6000,
    properties: { level: 1 },
    context: { platform: "ios" },
    position: "4:10",
  });
  const { id, sessionId, position } = fired!.events![1]!;
  assert.deepEqual([id, sessionId, position], ["e3", null, "4:12"]);
});

Deno.test("Watches.match() never shows internal events", () => {
  const watches = new Watches();
  watches.add(all);
  assert.deepEqual(watches.match(batchOf([event({ event_type: "$timer" })]), []), []);
});

Deno.test("Watches.match() filters for each watch on its own, and leaves out who sees nothing", () => {
  const watches = new Watches();
  watches.add({ ...all, id: 1, filter: { userId: "ann" } });
  watches.add({ ...all, id: 2, filter: { gameId: "h" } });
  watches.add({ ...all, id: 3, filter: { userId: "nobody" } });
  watches.add({ ...all, id: 4, studio: "other" });
  const batch = batchOf([event({ event_id: "x" }), event({ event_id: "y", game_id: "h" })]);
  const seen = watches.match(batch, []).map(({ id, events }) => [id, events!.map((e) => e.id)]);
  assert.deepEqual(seen, [[1, ["x", "y"]], [2, ["y"]]]);
});

Deno.test("Watches.match() tells an actor watch of its actor, in its stage only", () => {
  const watches = new Watches();
  watches.add({ id: 1, type: "actor", stage: "player", actorId: "demo/ann" });
  watches.add({ id: 2, type: "actor", stage: "player", actorId: "demo/bob" });
  watches.add({ id: 3, type: "actor", stage: "game", actorId: "demo/ann" });
  assert.deepEqual(watches.match(batchOf([event()]), ["demo/ann"]), [{ id: 1, events: null }]);
  const game = batchOf([], "game");
  assert.deepEqual(watches.match(game, ["demo/ann"]), [{ id: 3, events: null }]);
  assert.deepEqual(watches.match(batchOf([]), []), []);
});

Deno.test("Watches.remove() ends a watch", () => {
  const watches = new Watches();
  watches.add(all);
  watches.add({ ...all, id: 2 });
  watches.remove(1);
  watches.remove(77);
  assert.deepEqual(watches.match(batchOf([event()]), []).map((fired) => fired.id), [2]);
});

Deno.test("Watches.match() does not look into the rows when nobody watches events", () => {
  const watches = new Watches();
  const broken = { ...batchOf([event()]), rows: [{ ...batchOf([event()]).rows[0]!, value: "{" }] };
  assert.deepEqual(watches.match(broken, ["demo/ann"]), []);
  watches.add({ id: 1, type: "actor", stage: "player", actorId: "demo/ann" });
  assert.equal(watches.match(broken, ["demo/ann"]).length, 1);
});

Deno.test("Watches.match() looks at no watch of another user or studio", () => {
  let looks = 0;
  /** Counts whoever reads it. */
  const filterOf = (filter: EventFilter): EventFilter =>
    new Proxy(filter, { get: (of, name) => (looks++, Reflect.get(of, name)) });
  const watches = new Watches();
  for (let i = 0; i < 1000; i++) {
    const filter = filterOf({ userId: `u-${i}` });
    watches.add({ id: 2 * i, type: "events", studio: "demo", filter });
    watches.add({ id: 2 * i + 1, type: "events", studio: "other", filter: filterOf({}) });
  }
  looks = 0;
  const batch = batchOf([event({ user_id: "u-7" }), event({ user_id: "nobody" })]);
  const fired = watches.match(batch, []);
  assert.deepEqual(fired.map(({ id, events }) => [id, events!.length]), [[14, 1]]);
  assert.deepEqual(fired[0]!.chars, [batch.rows[0]!.value.length]);
  assert.ok(looks < 20, `${looks} looks`);
  watches.remove(14);
  assert.deepEqual(watches.match(batch, []), []);
});
