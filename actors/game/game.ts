/**
 * The game: adds up what its players tell it. Every metric is a sum of exact deltas.
 *
 * @module
 */
import { dayOf } from "../../schema/event.ts";
import type {
  DayMetrics,
  GameAnswers,
  GameQuery,
  GameTotals,
} from "../../schema/queries/game_queries.ts";
import { limits } from "../../schema/limits.ts";
import type { AskContext, Behaviour } from "../kernel/behaviour.ts";
import type { GameDelta } from "./game_deltas.ts";
import {
  boardPart,
  dayPart,
  describeGame,
  gameBytes,
  type GameState,
  type Metrics,
  newGame,
  rateSeconds,
  restoreGame,
  revenueOf,
  snapshotGame,
} from "./game_state.ts";
import { Leaderboard } from "./leaderboard.ts";

/** A folded delta, with the arrival time of the batch it sums. */
export interface GameMessage {
  readonly at: number;
  readonly delta: GameDelta;
}

export const game: Behaviour<GameState, GameMessage, GameQuery, GameAnswers[GameQuery["type"]]> = {
  kind: "game",
  version: 1,
  durability: "snapshot",
  create: newGame,
  receive(state, message) {
    addTotals(state, message.delta.totals);
    for (const [day, metrics] of Object.entries(message.delta.days)) {
      addDay(state, Number(day), metrics, message.at);
    }
    for (const [board, users] of Object.entries(message.delta.gone ?? {})) {
      const removed = users.filter((userId) => state.boards.get(board)?.remove(userId));
      if (removed.length > 0) state.changed.add(boardPart(board));
    }
    for (const [board, scores] of Object.entries(message.delta.scores)) {
      addScores(state, board, scores);
    }
    state.changed.add("");
    return [];
  },
  ask(state, query, ctx) {
    switch (query.type) {
      case "totals":
        return totalsOf(state, ctx);
      case "days":
        return daysOf(state, query.from, query.to);
      case "leaderboard":
        return (state.boards.get(query.board) ?? new Leaderboard()).page(query.offset, query.first);
    }
  },
  snapshot: snapshotGame,
  describe: describeGame,
  restore: (_actorId, parts) => restoreGame(parts),
  bytes: gameBytes,
};

function add(counts: Map<string, number>, name: string, by: number): void {
  counts.set(name, (counts.get(name) ?? 0) + by);
}

function addTotals(state: GameState, totals: Metrics): void {
  for (const metric in totals) {
    const by = totals[metric]!;
    if (metric === "ccu") state.ccu += by;
    else if (metric.startsWith("type:")) {
      const type = metric.slice("type:".length);
      const room = state.counts.size < limits.eventTypesPerActorMax;
      add(state.counts, room || state.counts.has(type) ? type : "(other)", by);
    }
  }
}

function addDay(state: GameState, day: number, metrics: Metrics, at: number): void {
  let row = state.days.get(day);
  if (row === undefined) state.days.set(day, row = {});
  for (const metric in metrics) {
    const by = metrics[metric]!;
    row[metric] = (row[metric] ?? 0) + by;
    if (metric === "events") {
      state.events += by;
      addRate(state, at, by);
    } else if (metric.startsWith("revenue:")) {
      add(state.revenue, metric.slice("revenue:".length), by);
    }
  }
  state.changed.add(dayPart(day));
}

/** Batches of several shards arrive a little out of order; what is older than the window is dropped. */
function addRate(state: GameState, at: number, events: number): void {
  const second = Math.floor(at / 1000);
  const slot = state.rate.find(([s]) => s === second);
  if (slot !== undefined) {
    slot[1] += events;
    return;
  }
  state.rate.push([second, events]);
  const newest = Math.max(...state.rate.map(([s]) => s));
  state.rate = state.rate.filter(([s]) => s >= newest - rateSeconds);
}

function addScores(state: GameState, name: string, scores: Metrics): void {
  let board = state.boards.get(name);
  if (board === undefined) {
    if (state.boards.size >= limits.leaderboardsPerGameMax) return;
    state.boards.set(name, board = new Leaderboard());
    state.changed.add(boardPart(name));
  }
  for (const userId in scores) {
    if (board.offer(userId, scores[userId]!)) state.changed.add(boardPart(name));
  }
}

function dayMetrics(day: number, row: Metrics = {}): DayMetrics {
  return {
    day,
    events: row["events"] ?? 0,
    dau: row["dau"] ?? 0,
    wau: row["wau"] ?? 0,
    mau: row["mau"] ?? 0,
    newPlayers: row["new_players"] ?? 0,
    sessions: row["sessions"] ?? 0,
    revenueMinor: revenueOf(row),
    payers: row["payers"] ?? 0,
  };
}

function daysOf(state: GameState, from: number, to: number): DayMetrics[] {
  const days: DayMetrics[] = [];
  for (let day = from; day <= to; day++) days.push(dayMetrics(day, state.days.get(day)));
  return days;
}

function totalsOf(state: GameState, ctx: AskContext): GameTotals {
  const second = Math.floor(ctx.now / 1000);
  let recent = 0;
  for (const [s, n] of state.rate) if (s < second && s >= second - rateSeconds) recent += n;
  const today = dayOf(ctx.now);
  return {
    id: ctx.actorId.slice(ctx.actorId.indexOf("/") + 1),
    eventsTotal: state.events,
    eventsPerSecond: recent / rateSeconds,
    ccu: state.ccu,
    today: dayMetrics(today, state.days.get(today)),
    revenueMinor: Object.fromEntries(state.revenue),
    eventCounts: Object.fromEntries(state.counts),
  };
}
