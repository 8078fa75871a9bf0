/**
 * A player's state and its snapshot form.
 *
 * @module
 */
import { DaySet } from "./day_set.ts";
import { DedupeRing } from "./dedupe_ring.ts";

/** A session that is open, or ended and still remembered so that late events do not reopen it. */
export interface Session {
  /** As the client named it; `""` is the implicit session of events that name none. */
  id: string;
  gameId: string;
  open: boolean;
  /** `partition:offset` of its first event: the name of an implicit session; else `""`. */
  startedAtPosition: string;
  /** Earliest and latest event time, milliseconds. */
  firstAt: number;
  lastAt: number;
  /** Arrival of its newest event, milliseconds: silence is measured from here. */
  lastArrival: number;
  events: number;
}

/** What a player did in one game. Every contribution to the game's metrics can be recomputed from it. */
export interface PlayerGame {
  events: number;
  sessions: number;
  playMs: number;
  /** Day of the first applied event; never moved. */
  cohortDay: number;
  /** Earliest and latest event time, milliseconds. */
  firstSeen: number;
  lastSeen: number;
  level: number | null;
  counts: ReadonlyMap<string, number>;
  revenue: ReadonlyMap<string, number>;
  activeDays: DaySet;
  payingDays: DaySet;
  /** Best score by board. */
  best: ReadonlyMap<string, number>;
}

/** What most players have of money and boards. Shared, as an empty map takes 200 bytes. */
const nothing: ReadonlyMap<string, number> = new Map();

/** Sets a number in one of the maps of a game, which is made when it is first needed. */
export function setIn(
  game: PlayerGame,
  map: "counts" | "revenue" | "best",
  name: string,
  value: number,
): void {
  if (game[map] === nothing) game[map] = new Map();
  (game[map] as Map<string, number>).set(name, value);
}

export interface PlayerState {
  ring: DedupeRing;
  games: Map<string, PlayerGame>;
  sessions: Session[];
  /** When the armed session timer comes due, milliseconds; `null` when none is armed. */
  timerDueAt: number | null;
}

export function newPlayer(): PlayerState {
  return { ring: new DedupeRing(), games: new Map(), sessions: [], timerDueAt: null };
}

export function newPlayerGame(day: number, at: number): PlayerGame {
  return {
    events: 0,
    sessions: 0,
    playMs: 0,
    cohortDay: day,
    firstSeen: at,
    lastSeen: at,
    level: null,
    counts: nothing,
    revenue: nothing,
    activeDays: new DaySet(),
    payingDays: new DaySet(),
    best: nothing,
  };
}

/** The state as JSON text; equal states give equal text. */
export function encodePlayer(state: PlayerState): string {
  return JSON.stringify({
    ring: state.ring.encode(),
    games: Array.from(state.games, ([id, game]) => [id, {
      ...game,
      counts: [...game.counts],
      revenue: [...game.revenue],
      best: [...game.best],
      activeDays: game.activeDays.encode(),
      payingDays: game.payingDays.encode(),
    }]),
    sessions: state.sessions,
    timerDueAt: state.timerDueAt,
  });
}

type Pairs = [string, number][];
type EncodedGame =
  & Omit<PlayerGame, "counts" | "revenue" | "best" | "activeDays" | "payingDays">
  & { counts: Pairs; revenue: Pairs; best: Pairs; activeDays: number[]; payingDays: number[] };

const mapOf = (pairs: Pairs) => pairs.length === 0 ? nothing : new Map(pairs);

interface EncodedPlayer {
  ring: string;
  games: [string, EncodedGame][];
  sessions: Session[];
  timerDueAt: number | null;
}

/** What would decode without a word and be missed only when it is used. */
function assertWhole({ sessions, timerDueAt, games }: EncodedPlayer): void {
  const isWhole = Array.isArray(sessions) && Array.isArray(games) &&
    (timerDueAt === null || Number.isFinite(timerDueAt)) &&
    games.every(([, { events, cohortDay }]) =>
      Number.isInteger(events) && Number.isInteger(cohortDay)
    );
  if (!isWhole) throw new TypeError("Cannot decode a player whose parts are missing");
}

/** @throws {SyntaxError | TypeError | RangeError} it is not the whole of a player */
export function decodePlayer(text: string): PlayerState {
  const body = JSON.parse(text) as EncodedPlayer;
  assertWhole(body);
  return {
    ring: DedupeRing.decode(body.ring),
    games: new Map(body.games.map(([id, game]) => [id, {
      ...game,
      counts: mapOf(game.counts),
      revenue: mapOf(game.revenue),
      best: mapOf(game.best),
      activeDays: DaySet.decode(game.activeDays),
      payingDays: DaySet.decode(game.payingDays),
    }])),
    sessions: body.sessions,
    timerDueAt: body.timerDueAt,
  };
}

/** About the bytes a state takes; its constants come from `bench/micro/actor_bytes.ts`. */
export function playerBytes(state: PlayerState): number {
  let bytes = 300 + state.ring.bytes + state.sessions.length * 200;
  for (const game of state.games.values()) {
    bytes += 500 + game.activeDays.bytes + game.payingDays.bytes;
    bytes += (game.counts.size + game.revenue.size + game.best.size) * 60;
  }
  return bytes;
}
