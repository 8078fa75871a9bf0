/**
 * What players tell their games, added up, against a plain recomputation that shares no code: the
 * fold is right for every life that the generator can think of.
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import type { Effect } from "../../actors/kernel/behaviour.ts";
import { game, type GameMessage } from "../../actors/game/game.ts";
import { DeltaFold } from "../../actors/game/game_deltas.ts";
import { type Arrival, arrivals, hostileNames } from "../../actors/testing/player_arbitrary.ts";
import { fireDue, MINUTE, noon, PlayerHarness } from "../../actors/testing/player_harness.ts";
import { dayText, type PlayerEvent } from "../../schema/event.ts";
import type { GameAnswers, GameQuery } from "../../schema/queries/game_queries.ts";
import { type DayFigures, differences, type GameFigures, type PlayerFigures } from "./figures.ts";
import { type ModelEvent, ReferenceModel } from "./reference_model.ts";

const studio = "demo";
const gameIds = ["g", "h", "constructor"];

/** An event and when it arrives. */
interface Arrived {
  readonly event: PlayerEvent;
  readonly now: number;
}

/** The lives of several players as one stream, in order of arrival. */
function interleave(lives: readonly (readonly Arrival[])[]): Arrived[] {
  const all = lives.flatMap((life, i) => {
    let now = noon;
    return life.map(({ event, gapMs }): Arrived => {
      now += gapMs;
      // The model counts types in plain objects, which trip over some names.
      const event_type = hostileNames.includes(event.event_type)
        ? `type.${event.event_type}`
        : event.event_type;
      return { event: { ...event, event_type, user_id: `u${i}` }, now };
    });
  });
  return all.sort((a, b) => a.now - b.now);
}

/** Real players and real games, with a fold for every `batch` messages in between. */
class Platform {
  readonly players = new Map<string, PlayerHarness>();
  readonly games = new Map(gameIds.map((id) => [id, game.create(`${studio}/${id}`)]));
  #fold = new DeltaFold();
  #messages = 0;
  readonly #seen = new Map<PlayerHarness, number>();

  constructor(readonly batch: number) {}

  receive({ event, now }: Arrived): void {
    let p = this.players.get(event.user_id);
    if (p === undefined) this.players.set(event.user_id, p = new PlayerHarness());
    this.fireAll(now);
    p.receive(event, now);
    this.#collect(p);
    if (++this.#messages % this.batch === 0) this.flush(now);
  }

  fireAll(now: number): void {
    for (const p of this.players.values()) {
      fireDue(p, now);
      this.#collect(p);
    }
  }

  #collect(p: PlayerHarness): void {
    for (const effect of p.effects.slice(this.#seen.get(p) ?? 0)) this.#add(effect);
    this.#seen.set(p, p.effects.length);
  }

  #add(effect: Effect): void {
    if (effect.type === "delta") this.#fold.addDelta(effect);
    else if (effect.type === "score") this.#fold.addScore(effect);
  }

  flush(now: number): void {
    for (const [id, delta] of Object.entries(this.#fold.byPartition(() => 0).get(0) ?? {})) {
      const message = JSON.parse(JSON.stringify({ at: now, delta })) as GameMessage;
      const ctx = { actorId: id, now, partition: 0, offset: 0 };
      game.receive(this.games.get(id.slice(studio.length + 1))!, message, ctx);
    }
    this.#fold = new DeltaFold();
  }

  ask<Q extends GameQuery>(id: string, query: Q, now: number): GameAnswers[Q["type"]] {
    const ctx = { actorId: `${studio}/${id}`, now, version: "0:0" };
    return game.ask(this.games.get(id)!, query, ctx) as GameAnswers[Q["type"]];
  }
}

function modelEvent({ event, now }: Arrived): ModelEvent {
  const { studio: _studio, context: _context, ...rest } = event;
  return { ...rest, received_at: now };
}

/** The game actor's figures in the form of the model's. */
function gameFigures(platform: Platform, id: string, now: number): GameFigures {
  const totals = platform.ask(id, { type: "totals" }, now);
  const days: Record<string, DayFigures> = {};
  for (const day of platform.games.get(id)!.days.keys()) {
    const [m] = platform.ask(id, { type: "days", from: day, to: day }, now);
    const { events, dau, wau, mau, newPlayers, sessions, payers, revenueMinor } = m!;
    const revenue = { ...revenueMinor };
    days[dayText(day)] = {
      events,
      dau,
      wau,
      mau,
      new_players: newPlayers,
      sessions,
      payers,
      revenue,
    };
  }
  const { eventsTotal, eventCounts, revenueMinor } = totals;
  return { events: eventsTotal, event_counts: eventCounts, revenue: revenueMinor, days };
}

function playerFigures(p: PlayerHarness, now: number): PlayerFigures {
  const profile = p.profile(undefined, now);
  return {
    events: profile.eventsTotal,
    sessions: profile.sessionsTotal,
    event_counts: profile.eventCounts,
    revenue: profile.revenueMinor,
    level: profile.level,
    first_seen: profile.firstSeen,
    last_seen: profile.lastSeen,
    play_ms: Math.round(profile.playSeconds * 1000),
  };
}

function compare(platform: Platform, model: ReferenceModel, now: number): void {
  assert.deepEqual([...platform.players.keys()].sort(), model.playerIds());
  for (const id of model.playerIds()) {
    const figures = playerFigures(platform.players.get(id)!, now);
    assert.deepEqual(differences(model.player(id), figures), [], id);
  }
  for (const id of gameIds) {
    const figures = gameFigures(platform, id, now);
    assert.deepEqual(differences(model.game(id) ?? {}, figures), [], id);
    assert.equal(platform.ask(id, { type: "totals" }, now).ccu, model.ccu(id, now), `ccu of ${id}`);
  }
}

Deno.test("games folded from what players tell equal a recomputation from all events", () => {
  const lives = fc.array(arrivals(50), { minLength: 1, maxLength: 4, size: "max" });
  fc.assert(
    fc.property(lives, fc.integer({ min: 1, max: 40 }), (lives, batch) => {
      const platform = new Platform(batch);
      const model = new ReferenceModel();
      let now = noon;
      for (const arrived of interleave(lives)) {
        platform.receive(arrived);
        model.apply(modelEvent(arrived));
        now = arrived.now;
      }
      platform.flush(now);
      compare(platform, model, now);

      const later = now + 31 * MINUTE;
      platform.fireAll(later);
      platform.flush(later);
      compare(platform, model, later);
      for (const id of gameIds) assert.equal(model.ccu(id, later), 0);
    }),
    { numRuns: 60 },
  );
});
