/**
 * Measures what live actors take in memory beside what `bytes()` estimates, since passivation
 * trusts the estimate:
 *
 *     deno run -A --v8-flags=--expose-gc bench/micro/actor_bytes.ts
 *
 * @module
 */
import { game, type GameMessage } from "../../actors/game/game.ts";
import { dayOf, playerId } from "../../schema/event.ts";
import { DAY_MS } from "../../schema/limits.ts";
import { Cells } from "../../supervisor/shard/cells.ts";
import { gameStage, playerStage } from "../../supervisor/shard/stages.ts";
import { MemoryStore } from "../../supervisor/store/memory_store.ts";
import { print } from "../cli/print.ts";

const { gc } = globalThis as { gc?: () => void };
const noon = Date.UTC(2026, 0, 10, 12);
const types = ["session.start", "level.start", "level.complete", "resource.sink", "purchase"];

/** How somebody plays. */
interface Profile {
  readonly name: string;
  readonly players: number;
  readonly events: number;
  readonly games: number;
  readonly days: number;
  /** Sessions one after the other in one game, 3 s from event to event. @default one a day and game */
  readonly sessions?: number;
  /** Players read from a snapshot instead of fed with events. */
  readonly restored?: boolean;
}

/** Event `i` of a player, as text, so that its strings are its own as they are in a shard. */
function eventText(user: number, i: number, profile: Profile): string {
  const { events, games, days, sessions } = profile;
  const type = types[i % 11 === 7 ? 4 : i % 4]!;
  const day = Math.floor(i * days / events);
  const session = sessions === undefined
    ? `${day}-${i % games}`
    : Math.floor(i * sessions / events);
  return JSON.stringify({
    studio: "demo",
    event_id: `0190f3a1-7b2c-7000-8000-${(user * 10_000 + i).toString(16).padStart(12, "0")}`,
    event_type: type,
    user_id: `u-9f31c2d4-${user}`,
    game_id: ["starfall", "dungeon-run", "gem-garden", "kart-heroes"][i % games],
    session_id: `s-9f31c2d4-${user}-${session}`,
    timestamp: noon + day * DAY_MS + i * (sessions === undefined ? 1000 : 3000),
    properties: type === "purchase"
      ? { amount: 499, currency: "USD", item: "gem-pack-1" }
      : { level: i, ...(i % 3 === 0 ? { score: i * 10 } : {}) },
    context: { platform: "ios", app_version: "1.4.2", country: "DE" },
  });
}

interface Memory {
  readonly heap: number;
  readonly external: number;
  readonly rss: number;
}

async function memory(): Promise<Memory> {
  for (let i = 0; i < 3; i++) {
    gc!();
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const { heapUsed, external, rss } = Deno.memoryUsage();
  return { heap: heapUsed, external, rss };
}

/** Fills the cells and prints what one actor takes. */
async function measure(name: string, cells: Cells, fill: () => void): Promise<void> {
  const before = await memory();
  fill();
  for (const cell of cells.values()) cells.measure(cell);
  const after = await memory();
  const each = (n: number) => Math.round(n / cells.size);
  const heap = each(after.heap - before.heap);
  const external = each(after.external - before.external);
  const estimate = each(cells.bytes);
  const share = Math.round(100 * estimate / (heap + external));
  print(
    `${name.padEnd(34)} ${String(heap).padStart(7)} heap ${
      String(external).padStart(6)
    } external ` +
      `${String(each(after.rss - before.rss)).padStart(7)} rss ${String(estimate).padStart(7)} ` +
      `estimated (${share} % of heap + external)`,
  );
}

function feedPlayers(cells: Cells, profile: Profile): void {
  const stage = playerStage();
  for (let user = 0; user < profile.players; user++) {
    for (let i = 0; i < profile.events; i++) {
      const event = JSON.parse(eventText(user, i, profile));
      const cell = cells.get(playerId(event)) ?? cells.create(playerId(event));
      const now = event.timestamp;
      stage.behaviour.receive(cell.state, event, {
        actorId: cell.id,
        now,
        partition: 0,
        offset: i,
      });
    }
    const cell = cells.get(`demo/u-9f31c2d4-${user}`)!;
    if (profile.restored) {
      cell.state = stage.behaviour.restore(cell.id, stage.behaviour.snapshot(cell.state));
    }
  }
}

function feedGames(cells: Cells, games: number, days: number, entries: number): void {
  const today = dayOf(noon);
  for (let i = 0; i < games; i++) {
    const cell = cells.create(`demo/game-${i}`);
    for (let day = 0; day < days; day++) {
      const metrics = { events: 9, dau: 3, wau: 3, mau: 3, sessions: 2, payers: 1 };
      const scores = Array.from(
        { length: entries / days },
        (_, e) => [`u-9f31c2d4-${i}-${day}-${e}`, e],
      );
      const message = {
        at: noon,
        delta: {
          totals: Object.fromEntries(types.map((type) => [`type:${type}`, 2])),
          days: { [today + day]: { ...metrics, "revenue:USD": 499 } },
          scores: { score: Object.fromEntries(scores) },
        },
      };
      const read = JSON.parse(JSON.stringify(message)) as GameMessage;
      game.receive(cell.state as never, read, {
        actorId: cell.id,
        now: noon,
        partition: 0,
        offset: 0,
      });
    }
    game.snapshot(cell.state as never);
  }
}

const profiles: Profile[] = [
  { name: "player, 1 event", players: 50_000, events: 1, games: 1, days: 1 },
  { name: "player, 5 events", players: 50_000, events: 5, games: 1, days: 1 },
  { name: "player, 20 events", players: 50_000, events: 20, games: 1, days: 3 },
  {
    name: "player, 20 events, restored",
    players: 50_000,
    events: 20,
    games: 1,
    days: 3,
    restored: true,
  },
  {
    name: "player, 400 events, 25 sessions",
    players: 5_000,
    events: 400,
    games: 1,
    days: 1,
    sessions: 25,
  },
  { name: "player, 200 events, 2 games", players: 10_000, events: 200, games: 2, days: 20 },
  { name: "player, 2000 events, 4 games", players: 2_000, events: 2000, games: 4, days: 60 },
];

if (import.meta.main) {
  if (gc === undefined) {
    print("Cannot measure as gc() is not exposed: run with --v8-flags=--expose-gc");
    Deno.exit(64);
  }
  for (const profile of profiles) {
    const cells = new Cells(playerStage(), 0, new MemoryStore());
    await measure(profile.name, cells, () => feedPlayers(cells, profile));
  }
  for (const [games, days, entries] of [[2000, 30, 0], [500, 100, 0], [500, 30, 900]] as const) {
    const cells = new Cells(gameStage(), 0, new MemoryStore());
    const name = `game, ${days} days, ${entries} scores`;
    await measure(name, cells, () => feedGames(cells, games, days, entries));
  }
}
