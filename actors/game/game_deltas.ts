/**
 * What players tell games: deltas and scores, folded per batch into one record per target partition.
 *
 * @module
 */
import type { DeltaEffect, ScoreEffect, UnscoreEffect } from "../kernel/behaviour.ts";

/** The sums of one batch for one game. */
export interface GameDelta {
  /** Lifetime metrics: `ccu`, `type:purchase` … */
  readonly totals: Record<string, number>;
  /** By event day (days since the Unix epoch): `events`, `dau`, `revenue:USD` … */
  readonly days: Record<number, Record<string, number>>;
  /** Best score by board and user. */
  readonly scores: Record<string, Record<string, number>>;
  /** By board, the users whose entry goes before these scores come. Left out for none. */
  gone?: Record<string, string[]>;
}

/** The value of a record in `game.deltas`. */
export interface GameDeltaRecord {
  /** `stage/partition` of the shard that emitted it. */
  readonly source: string;
  /** The end offset of the source's commit and the record's index within it: its identity. */
  readonly position: readonly [endOffset: number, index: number];
  /** Arrival time of the batch's newest event, milliseconds. */
  readonly at: number;
  /** By game, `studio/game_id`. */
  readonly games: Record<string, GameDelta>;
}

function bag<V>(): Record<string, V> {
  // No prototype: a game or a board may be called `constructor`.
  return Object.create(null);
}

/** Folds the effects of a batch. */
export class DeltaFold {
  #games = new Map<string, GameDelta>();

  get isEmpty(): boolean {
    return this.#games.size === 0;
  }

  #game(id: string): GameDelta {
    let game = this.#games.get(id);
    if (game === undefined) {
      game = { totals: bag(), days: bag(), scores: bag() };
      this.#games.set(id, game);
    }
    return game;
  }

  addDelta(effect: DeltaEffect): void {
    const game = this.#game(effect.game);
    if (effect.day === undefined) {
      game.totals[effect.metric] = (game.totals[effect.metric] ?? 0) + effect.by;
      return;
    }
    const through = effect.through ?? effect.day;
    for (let day = effect.day; day <= through; day++) {
      const metrics = game.days[day] ??= bag();
      metrics[effect.metric] = (metrics[effect.metric] ?? 0) + effect.by;
    }
  }

  addScore(effect: ScoreEffect): void {
    const board = this.#game(effect.game).scores[effect.board] ??= bag();
    board[effect.userId] = Math.max(board[effect.userId] ?? -Infinity, effect.score);
  }

  addUnscore({ game: id, board, userId }: UnscoreEffect): void {
    const game = this.#game(id);
    const gone = (game.gone ??= bag())[board] ??= [];
    if (!gone.includes(userId)) gone.push(userId);
    delete game.scores[board]?.[userId];
  }

  /** The games folded so far, grouped by the partition that `partitionOf` gives each. */
  byPartition(partitionOf: (game: string) => number): Map<number, Record<string, GameDelta>> {
    const groups = new Map<number, Record<string, GameDelta>>();
    for (const [id, delta] of this.#games) {
      const partition = partitionOf(id);
      const group = groups.get(partition) ?? bag<GameDelta>();
      group[id] = delta;
      groups.set(partition, group);
    }
    return groups;
  }
}
