/**
 * What an event costs its player: parsing, the fold with its effects, the dedupe ring, and a
 * snapshot with its way back. A message of `batch` holds 100 events: divide by 100 for one.
 *
 * @module
 */
import { DeltaFold } from "../../actors/game/game_deltas.ts";
import { player } from "../../actors/player/player.ts";
import { DedupeRing } from "../../actors/player/dedupe_ring.ts";
import type { PlayerState } from "../../actors/player/player_state.ts";
import type { PlayerEvent } from "../../schema/event.ts";
import { fingerprint } from "../../schema/hash.ts";
import { DAY_MS } from "../../schema/limits.ts";

const noon = Date.UTC(2026, 0, 10, 12);
const batch = 100;
const actorId = "demo/u-9f31c2d4-17";
const types = ["level.start", "level.complete", "resource.sink", "custom.thing", "purchase"];

let ids = 0;
const nextId = () => `0190f3a1-7b2c-7000-8000-${(ids++).toString(16).padStart(12, "0")}`;

/** A typical event, about 300 bytes; `day` moves it back. */
function eventText(id: string, n: number, day = 0): string {
  const type = types[n % types.length]!;
  return JSON.stringify({
    studio: "demo",
    event_id: id,
    event_type: type,
    user_id: "u-9f31c2d4-17",
    game_id: "starfall",
    session_id: "s-9f31c2d4-17-3",
    timestamp: noon + n * 1000 - day * DAY_MS,
    properties: type === "purchase"
      ? { amount: 499, currency: "USD", item: "gem-pack-1" }
      : { level: n % 40, score: n % 10_000 },
    context: { platform: "ios", app_version: "1.4.2", country: "DE" },
  });
}

function receive(state: PlayerState, event: PlayerEvent, offset: number) {
  const ctx = { actorId, now: noon + offset, partition: 3, offset };
  return player.receive(state, event, ctx);
}

/** A player that has played `events` events over a month. */
function played(events: number): PlayerState {
  const state = player.create(actorId);
  for (let i = 0; i < events; i++) receive(state, JSON.parse(eventText(nextId(), i, i % 30)), i);
  return state;
}

const warm = played(1000);
let n = 1000;

Deno.bench("JSON.parse, 100 events", { group: "receive" }, (b) => {
  const texts = Array.from({ length: batch }, (_, i) => eventText(nextId(), i));
  b.start();
  for (const text of texts) JSON.parse(text);
  b.end();
});

Deno.bench("player.receive, 100 events, warm", { group: "receive" }, (b) => {
  const events = Array.from({ length: batch }, (_, i) => JSON.parse(eventText(nextId(), i)));
  b.start();
  for (const event of events) receive(warm, event, n++);
  b.end();
});

Deno.bench("parse, receive and fold, 100 events, warm", { group: "receive" }, (b) => {
  const texts = Array.from({ length: batch }, (_, i) => eventText(nextId(), i));
  const fold = new DeltaFold();
  b.start();
  for (const text of texts) {
    for (const effect of receive(warm, JSON.parse(text), n++) ?? []) {
      if (effect.type === "delta") fold.addDelta(effect);
      else if (effect.type === "score") fold.addScore(effect);
    }
  }
  b.end();
});

Deno.bench("player.receive, 100 duplicates", { group: "receive" }, (b) => {
  const events: PlayerEvent[] = Array.from(
    { length: batch },
    (_, i) => JSON.parse(eventText(nextId(), i)),
  );
  for (const event of events) receive(warm, event, n++);
  b.start();
  for (const event of events) receive(warm, event, n);
  b.end();
});

Deno.bench("player.receive, first event of 100 players", { group: "receive" }, (b) => {
  const events = Array.from({ length: batch }, (_, i) => JSON.parse(eventText(nextId(), i)));
  b.start();
  for (const event of events) receive(player.create(actorId), event, n++);
  b.end();
});

for (const filled of [16, 1024]) {
  const ring = new DedupeRing();
  for (let i = 0; i < filled; i++) ring.add(nextId());
  Deno.bench(`DedupeRing.add, 100 new ids, ring of ${filled}`, { group: "ring" }, (b) => {
    // A small ring must stay small: what was added is forgotten with the copy.
    const copy = filled < 1024 ? DedupeRing.decode(ring.encode()) : ring;
    const ids = Array.from({ length: batch }, nextId);
    b.start();
    for (const id of ids) copy.add(id);
    b.end();
  });
}

Deno.bench("fingerprint, 100 ids of 36 characters", { group: "ring" }, (b) => {
  const ids = Array.from({ length: batch }, nextId);
  b.start();
  for (const id of ids) fingerprint(id);
  b.end();
});

for (const events of [20, 1000]) {
  const state = played(events);
  const parts = player.snapshot(state);
  Deno.bench(`snapshot, ${events} events`, { group: "snapshot" }, () => {
    player.snapshot(state);
  });
  Deno.bench(`restore, ${events} events`, { group: "snapshot" }, () => {
    player.restore(actorId, parts);
  });
}
