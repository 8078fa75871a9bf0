import assert from "node:assert/strict";
import fc from "fast-check";
import { InvalidInput } from "../../schema/errors.ts";
import { internalType, type PlayerEvent } from "../../schema/event.ts";
import { DAY_MS, limits } from "../../schema/limits.ts";
import type { Effect } from "../kernel/behaviour.ts";
import { arrivals, hostileNames } from "../testing/player_arbitrary.ts";
import {
  actorId,
  live,
  noon,
  playerEvent,
  PlayerHarness,
  timersOf,
  today,
} from "../testing/player_harness.ts";
import { otherTypes } from "./count_event.ts";
import { sizeOf } from "./named_numbers.ts";
import { player } from "./player.ts";

const purchase = (amount: number, currency = "USD", fields: Partial<PlayerEvent> = {}) =>
  playerEvent({ event_type: "purchase", properties: { amount, currency }, ...fields });

const onDay = (day: number, fields: Partial<PlayerEvent> = {}) =>
  playerEvent({ timestamp: day * DAY_MS, ...fields });

Deno.test("player.receive() tells everything that is new about a first event", () => {
  const p = new PlayerHarness();
  const day = today;
  const delta = (metric: string, more: object = {}): Effect => (
    { type: "delta", game: "demo/g", metric, by: 1, ...more }
  );
  const effects = p.receive(playerEvent({ properties: { level: 3, score: 70 } }))!;
  const timer: Effect = { type: "timer", name: "session", dueAt: noon + limits.sessionSilenceMs };
  const score: Effect = {
    type: "score",
    game: "demo/g",
    board: "score",
    userId: "ann",
    score: 70,
  };
  const expected: Effect[] = [
    delta("new_players", { day }),
    delta("ccu"),
    timer,
    delta("sessions", { day }),
    delta("events", { day }),
    delta("type:level.start"),
    delta("dau", { day }),
    delta("wau", { day, through: day + 6 }),
    delta("mau", { day, through: day + 29 }),
    score,
  ];
  const sorted = (list: readonly Effect[]) => list.map((e) => JSON.stringify(e)).sort();
  assert.deepEqual(sorted(effects.map(unordered)), sorted(expected.map(unordered)));
});

/** The effect with its keys in one order. */
function unordered(effect: Effect): Effect {
  return Object.fromEntries(Object.entries(effect).sort()) as unknown as Effect;
}

Deno.test("player.receive() tells only what is new about a second event", () => {
  const p = new PlayerHarness();
  p.receive(playerEvent());
  const metrics = p.receive(playerEvent())!.map((e) => e.type === "delta" ? e.metric : e.type);
  assert.deepEqual(metrics, ["events", "type:level.start"]);
});

Deno.test("player.receive() counts an event id once, whatever else differs, and is not changed by the second", () => {
  const p = new PlayerHarness();
  p.receive(playerEvent({ event_id: "x" }));
  const before = p.hash;
  assert.equal(p.receive(playerEvent({ event_id: "x" })), undefined);
  const other = purchase(5, "EUR", { event_id: "x", game_id: "h", session_id: "t" });
  assert.equal(p.receive(other, noon + DAY_MS), undefined);
  assert.equal(p.hash, before);
});

Deno.test("player.receive() counts WAU and MAU forward, once a window end", () => {
  const p = new PlayerHarness();
  for (const day of [today, today + 3, today + 1, today + 20, today]) p.receive(onDay(day));
  const daysWith = (metric: string) => {
    const days: number[] = [];
    for (let day = today - 31; day <= today + 60; day++) {
      const n = p.sum(metric, day);
      assert.ok(n === 0 || n === 1, `${metric} of day ${day - today} is ${n}`);
      if (n === 1) days.push(day - today);
    }
    return days;
  };
  const range = (from: number, to: number) =>
    Array.from({ length: to - from + 1 }, (_, i) => from + i);
  assert.deepEqual(daysWith("dau"), [0, 1, 3, 20]);
  assert.deepEqual(daysWith("wau"), [...range(0, 9), ...range(20, 26)]);
  assert.deepEqual(daysWith("mau"), range(0, 49));
});

Deno.test("player.receive() keeps the cohort day of the first applied event", () => {
  const p = new PlayerHarness();
  p.receive(onDay(today));
  p.receive(onDay(today - 5));
  assert.deepEqual([p.sum("new_players", today), p.sum("new_players", today - 5)], [1, 0]);
  assert.equal(p.state.games.get("g")!.cohortDay, today);
});

Deno.test("player.receive() is new to each game on its own", () => {
  const p = new PlayerHarness();
  p.receive(playerEvent());
  p.receive(playerEvent({ game_id: "h" }));
  for (const metric of ["new_players", "dau", "sessions", "events"]) {
    assert.equal(p.sum(metric, today, "demo/h"), 1, metric);
  }
});

Deno.test("player.receive() adds purchases by currency, and a payer once a day", () => {
  const p = new PlayerHarness();
  p.receive(purchase(499));
  p.receive(purchase(1));
  p.receive(purchase(120, "JPY"));
  p.receive(purchase(7, "USD", { timestamp: noon + DAY_MS }));
  assert.deepEqual([p.sum("revenue:USD", today), p.sum("revenue:USD", today + 1)], [500, 7]);
  assert.equal(p.sum("revenue:JPY", today), 120);
  assert.deepEqual([p.sum("payers", today), p.sum("payers", today + 1)], [1, 1]);
});

Deno.test("player.receive() takes amount and currency for money in purchases only", () => {
  const p = new PlayerHarness();
  p.receive(purchase(9, "GEM", { event_type: "resource.source" }));
  p.receive(playerEvent({ event_type: "purchase", properties: { amount: "9", currency: "USD" } }));
  assert.equal(p.effects.some((e) => e.type === "delta" && e.metric.startsWith("revenue")), false);
  assert.equal(p.sum("payers", today), 0);
});

Deno.test("player.receive() tells a score when it is the player's best on its board", () => {
  const p = new PlayerHarness();
  const scored = (score: number, board?: string) => {
    const properties = { score, ...(board === undefined ? {} : { board }) };
    const effects = p.receive(playerEvent({ event_type: "match.end", properties }))!;
    return effects.flatMap((e) => e.type === "score" ? [[e.board, e.score]] : []);
  };
  assert.deepEqual(scored(-5), [["score", -5]]);
  assert.deepEqual(scored(-5), []);
  assert.deepEqual(scored(-6), []);
  assert.deepEqual(scored(8), [["score", 8]]);
  assert.deepEqual(scored(3, "weekly"), [["weekly", 3]]);
  assert.deepEqual(scored(7, "weekly"), [["weekly", 7]]);
});

Deno.test("player.receive() keeps at most 32 boards a game, and none with an endless name", () => {
  const p = new PlayerHarness();
  const scores = (board: string, score: number) =>
    p.receive(playerEvent({ properties: { board, score } }))!.some((e) => e.type === "score");
  assert.equal(scores("b".repeat(limits.idCharsMax + 1), 1), false);
  for (let i = 0; i < limits.leaderboardsPerGameMax; i++) assert.ok(scores(`b${i}`, 1));
  assert.equal(scores("one more", 1), false);
  assert.equal(scores("b0", 2), true);
  assert.equal(sizeOf(p.state.games.get("g")!.best), limits.leaderboardsPerGameMax);
});

Deno.test("player.receive() raises the level with level events only", () => {
  const p = new PlayerHarness();
  const levels = [[3, "level.start"], [2, "level.complete"], [9, "match.end"], [4, "level.fail"]];
  const seen = levels.map(([level, event_type]) => {
    p.receive(
      playerEvent({ event_type: String(event_type), properties: { level: Number(level) } }),
    );
    return p.profile().level;
  });
  assert.deepEqual(seen, [3, 3, 3, 4]);
});

Deno.test("player.receive() counts types beyond 256 together", () => {
  const p = new PlayerHarness();
  const types = limits.eventTypesPerActorMax;
  for (let i = 0; i < types + 5; i++) p.receive(playerEvent({ event_type: `type-${i}` }));
  p.receive(playerEvent({ event_type: "type-0" }));
  assert.equal(p.sum(`type:${otherTypes}`), 5);
  assert.equal(p.sum("type:type-0"), 2);
  assert.equal(sizeOf(p.state.games.get("g")!.counts), types + 1);
});

Deno.test("player.receive() refuses a game too many, and the refused event leaves no trace", () => {
  const p = new PlayerHarness();
  for (let i = 0; i < limits.gamesPerPlayerMax; i++) p.receive(playerEvent({ game_id: `g${i}` }));
  const before = p.hash;
  const event = playerEvent({ game_id: "one more" });
  const expected = { name: "InvalidInput", code: "too_many_games", path: "game_id" };
  assert.throws(() => p.receive(event), expected);
  assert.throws(() => p.receive(event, noon + DAY_MS), expected, "it is not remembered either");
  assert.equal(p.hash, before);
  assert.ok(p.receive(playerEvent({ game_id: "g0" })), "the others go on");
});

Deno.test("player.receive() refuses a currency too many, and the refused event leaves no trace", () => {
  const p = new PlayerHarness();
  for (let i = 0; i < limits.currenciesPerActorMax; i++) p.receive(purchase(1, `C${i}`));
  const before = p.hash;
  assert.throws(
    () => p.receive(purchase(1, "XXX"), noon + DAY_MS),
    (error) => error instanceof InvalidInput && error.code === "too_many_currencies",
  );
  assert.equal(p.hash, before);
  assert.ok(p.receive(purchase(1, "C0")));
  assert.ok(p.receive(purchase(1, "XXX", { game_id: "h" })), "another game has room");
});

Deno.test("player.receive() does not write to the event", () => {
  const p = new PlayerHarness();
  const freeze = (value: object): object => {
    for (const inner of Object.values(value)) if (typeof inner === "object") freeze(inner);
    return Object.freeze(value);
  };
  fc.assert(fc.property(arrivals(20), (list) => {
    live(p, list.map(({ event, gapMs }) => ({ event: freeze(event) as PlayerEvent, gapMs })));
  }));
});

Deno.test("player takes hostile names for games, types, boards, currencies, sessions and users", () => {
  for (const name of hostileNames) {
    const p = new PlayerHarness();
    const fields = { game_id: name, event_type: "purchase", session_id: name, user_id: name };
    const properties = { amount: 5, currency: name, score: 7, board: name };
    for (let i = 0; i < 2; i++) {
      p.receive(playerEvent({ ...fields, properties, event_id: `${name}${i}` }));
      const before = p.hash;
      p.restore();
      assert.equal(p.hash, before, name);
    }
    p.receive(playerEvent({ game_id: name, event_type: name }));
    const profile = p.profile(name);
    assert.equal(profile.eventsTotal, 3, name);
    assert.deepEqual(Object.entries(profile.revenueMinor), [[name, 10]]);
    assert.deepEqual(Object.entries(profile.eventCounts), [["purchase", 2], [name, 1]]);
    assert.equal(p.sum(`revenue:${name}`, today, `demo/${name}`), 10);
    assert.equal(p.profile("toLocaleString").eventsTotal, 0, "no such game");
  }
});

Deno.test("player.snapshot() and restore() keep the state, and the effects of all that comes later", () => {
  fc.assert(
    fc.property(
      arrivals(60),
      fc.array(fc.boolean(), { minLength: 60, maxLength: 60 }),
      (list, restores) => {
        const p = new PlayerHarness();
        const q = new PlayerHarness();
        const hashes: string[] = [];
        live(p, list, () => hashes.push(p.hash));
        live(q, list, (_now, i) => {
          assert.equal(q.hash, hashes[i]);
          if (restores[i]) q.restore();
          assert.equal(q.hash, hashes[i], "restored");
        });
        assert.deepEqual(q.effects, p.effects);
        assert.deepEqual(q.profile(), p.profile());
      },
    ),
    { numRuns: 150 },
  );
});

Deno.test("player.receive() is a function of the messages: the same life again ends in the same state", () => {
  fc.assert(
    fc.property(arrivals(60), (list) => {
      const [p, q] = [new PlayerHarness(), new PlayerHarness()];
      live(p, list);
      live(
        q,
        list.map(({ event, gapMs }) => ({ event: JSON.parse(JSON.stringify(event)), gapMs })),
      );
      assert.equal(q.hash, p.hash);
      assert.deepEqual(q.effects, p.effects);
    }),
    { numRuns: 100 },
  );
});

Deno.test("player.receive() takes -0 for 0, as every snapshot does", () => {
  const p = new PlayerHarness();
  const properties = { level: -0, score: -0 };
  const effects = p.receive(playerEvent({ event_type: "level.complete", properties }));
  const before = p.hash;
  p.restore();
  assert.equal(p.hash, before);
  assert.ok(effects?.some((effect) => effect.type === "score" && Object.is(effect.score, 0)));
});

Deno.test("player.ask(), snapshot(), describe() and bytes() change nothing", () => {
  fc.assert(
    fc.property(arrivals(30), (list) => {
      const p = new PlayerHarness();
      live(p, list, (now) => {
        const before = p.hash;
        p.profile(undefined, now);
        p.profile("g", now);
        assert.deepEqual(player.describe(p.state), player.snapshot(p.state));
        assert.ok(player.bytes(p.state) > 0);
        assert.equal(p.hash, before);
      });
    }),
    { numRuns: 50 },
  );
});

Deno.test("player arms its one timer at most once at a time, and never for the past", () => {
  fc.assert(
    fc.property(arrivals(60), (list) => {
      const p = new PlayerHarness();
      live(p, list, (now) => {
        const open = p.state.sessions.encode().some((session) => session.open);
        assert.ok(!open || p.state.timerDueAt !== null, "an open session has a timer to end it");
        assert.ok(p.state.timerDueAt === null || p.state.timerDueAt > now);
      });
      const armed = timersOf(p.effects);
      let due: number | null = null;
      for (const dueAt of armed) {
        assert.ok(due === null || dueAt === null || dueAt > due, "only the fired one is replaced");
        due = dueAt;
      }
      assert.equal(p.state.timerDueAt, due, "the row in the store is the state's");
    }),
    { numRuns: 100 },
  );
});

Deno.test("player.receive() gives every effect the studio of its actor", () => {
  const ctx = { actorId: "acme/bob", now: noon, partition: 0, offset: 0 };
  const state = player.create(actorId);
  const event = playerEvent({ studio: "acme", user_id: "bob", properties: { score: 1 } });
  for (const effect of player.receive(state, event, ctx)!) {
    if ("game" in effect) assert.equal(effect.game, "acme/g");
    if (effect.type === "score") assert.equal(effect.userId, "bob");
  }
});

Deno.test("player.receive() ignores what the platform tells and nobody has asked for", () => {
  const p = new PlayerHarness();
  assert.equal(p.receive(playerEvent({ event_type: internalType.down })), undefined);
  assert.ok(p.receive(playerEvent()) !== undefined);
});
