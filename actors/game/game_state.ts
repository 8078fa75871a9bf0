/**
 * A game's state and the parts of its snapshot: totals (`""`), one part a day
 * (`day:2026-01-31`) and one a leaderboard (`board:score`). A commit writes changed parts only; the
 * totals are always among them and say how many others there are, so that none is missed in silence.
 *
 * @module
 */
import { dayText } from "../../schema/event.ts";
import type { Part } from "../kernel/behaviour.ts";
import { Leaderboard } from "./leaderboard.ts";

/** How many seconds of arrivals the live rate looks at. */
export const rateSeconds = 10;

export type Metrics = Record<string, number>;

export interface GameState {
  events: number;
  ccu: number;
  counts: Map<string, number>;
  revenue: Map<string, number>;
  /** Events by arrival second, newest last, at most {@link rateSeconds} + 1 entries. */
  rate: [second: number, events: number][];
  /** Metrics by event day: `events`, `dau`, `wau`, `mau`, `new_players`, `sessions`, `payers`, `revenue:USD` … */
  days: Map<number, Metrics>;
  boards: Map<string, Leaderboard>;
  /** Names of the parts that changed since the last snapshot. */
  changed: Set<string>;
}

export function newGame(): GameState {
  return {
    events: 0,
    ccu: 0,
    counts: new Map(),
    revenue: new Map(),
    rate: [],
    days: new Map(),
    boards: new Map(),
    changed: new Set(),
  };
}

export const dayPart = (day: number): string => `day:${dayText(day)}`;
export const boardPart = (board: string): string => `board:${board}`;

const dayPrefix = "day:";
const boardPrefix = "board:";

const revenuePrefix = "revenue:";

/** Minor units by currency, out of the metrics of a day. */
export function revenueOf(metrics: Metrics): Metrics {
  const revenue = Object.entries(metrics).filter(([name]) => name.startsWith(revenuePrefix));
  return Object.fromEntries(
    revenue.map(([name, value]) => [name.slice(revenuePrefix.length), value]),
  );
}

/** The body of a day part; readable by SQL through the view `game_days`. */
function encodeDay(metrics: Metrics): string {
  const { events = 0, dau = 0, wau = 0, mau = 0, new_players = 0, sessions = 0, payers = 0 } =
    metrics;
  const revenue = revenueOf(metrics);
  return JSON.stringify({ events, dau, wau, mau, new_players, sessions, payers, revenue });
}

function decodeDay(body: string): Metrics {
  const { revenue, ...metrics } = JSON.parse(body) as Metrics & { revenue: Metrics };
  for (const [currency, value] of Object.entries(revenue)) {
    metrics[revenuePrefix + currency] = value;
  }
  return metrics;
}

function encodeTotals(state: GameState): string {
  return JSON.stringify({
    events: state.events,
    ccu: state.ccu,
    counts: [...state.counts],
    revenue: [...state.revenue],
    rate: state.rate,
    parts: state.days.size + state.boards.size,
  });
}

function encodePart(state: GameState, part: string): Part {
  if (part.startsWith(dayPrefix)) {
    const day = Date.parse(part.slice(dayPrefix.length)) / 86_400_000;
    return { part, body: encodeDay(state.days.get(day)!) };
  }
  if (part.startsWith(boardPrefix)) {
    const board = state.boards.get(part.slice(boardPrefix.length))!;
    return { part, body: JSON.stringify(board.ranked()) };
  }
  return { part, body: encodeTotals(state) };
}

/** The parts that changed since the last call. */
export function snapshotGame(state: GameState): Part[] {
  const parts = Array.from(state.changed, (part) => encodePart(state, part));
  state.changed.clear();
  return parts;
}

/** All parts, in one order whatever the order of their making. */
export function describeGame(state: GameState): Part[] {
  const days = Array.from(state.days.keys(), dayPart).sort();
  const boards = Array.from(state.boards.keys(), boardPart).sort();
  return ["", ...days, ...boards].map((part) => encodePart(state, part));
}

/**
 * The state of which these are the parts.
 *
 * @throws {SyntaxError | TypeError} a part is not readable, or not there
 */
export function restoreGame(parts: readonly Part[]): GameState {
  const state = newGame();
  /** Totals of the first releases do not tell. */
  let others: number | undefined;
  for (const { part, body } of parts) {
    if (part.startsWith(dayPrefix)) {
      state.days.set(Date.parse(part.slice(dayPrefix.length)) / 86_400_000, decodeDay(body));
    } else if (part.startsWith(boardPrefix)) {
      state.boards.set(part.slice(boardPrefix.length), Leaderboard.from(JSON.parse(body)));
    } else {
      const totals = JSON.parse(body) as {
        events: number;
        ccu: number;
        counts: [string, number][];
        revenue: [string, number][];
        rate: [number, number][];
        parts?: number;
      };
      others = totals.parts;
      state.events = totals.events;
      state.ccu = totals.ccu;
      state.counts = new Map(totals.counts);
      state.revenue = new Map(totals.revenue);
      state.rate = totals.rate;
    }
  }
  const found = state.days.size + state.boards.size;
  if (others !== undefined && found !== others) {
    throw new TypeError(`Cannot restore a game of ${others} days and boards from ${found}`);
  }
  return state;
}

/** About the bytes a state takes; its constants come from `bench/micro/actor_bytes.ts`. */
export function gameBytes(state: GameState): number {
  let bytes = 1200 + state.days.size * 140 + (state.counts.size + state.revenue.size) * 60;
  for (const board of state.boards.values()) bytes += 200 + board.size * 80;
  return bytes;
}
