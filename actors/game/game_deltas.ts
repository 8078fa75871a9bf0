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

/** Objects are made of these at the end: one that is asked for a text must look for it among all texts. */
type Sums = Map<string, number>;

function entryOf<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  let value = map.get(key);
  if (value === undefined) map.set(key, value = make());
  return value;
}

function bagOf<V, W>(
  map: ReadonlyMap<string, V> | ReadonlyMap<number, V>,
  of: (value: V) => W,
): Record<string, W> {
  const values = bag<W>();
  for (const [key, value] of map) values[key] = of(value);
  return values;
}

const newSums = (): Sums => new Map();
const same = <V>(value: V) => value;
const bagOfSums = (sums: Sums) => bagOf(sums, same);

class FoldedGame {
  readonly totals = newSums();
  readonly days = new Map<number, Sums>();
  readonly scores = new Map<string, Sums>();
  gone: Map<string, string[]> | undefined;

  delta(): GameDelta {
    const delta: GameDelta = {
      totals: bagOfSums(this.totals),
      days: bagOf(this.days, bagOfSums),
      scores: bagOf(this.scores, bagOfSums),
    };
    if (this.gone !== undefined) delta.gone = bagOf(this.gone, same);
    return delta;
  }
}

const newGame = () => new FoldedGame();

function add(sums: Sums, name: string, by: number): void {
  sums.set(name, (sums.get(name) ?? 0) + by);
}

/** Folds the effects of a batch. */
export class DeltaFold {
  #games = new Map<string, FoldedGame>();

  get isEmpty(): boolean {
    return this.#games.size === 0;
  }

  addDelta({ game: id, metric, by, day, through = day }: DeltaEffect): void {
    const game = entryOf(this.#games, id, newGame);
    if (day === undefined) return add(game.totals, metric, by);
    for (let d = day; d <= through!; d++) add(entryOf(game.days, d, newSums), metric, by);
  }

  addScore({ game: id, board, userId, score }: ScoreEffect): void {
    const scores = entryOf(entryOf(this.#games, id, newGame).scores, board, newSums);
    scores.set(userId, Math.max(scores.get(userId) ?? -Infinity, score));
  }

  addUnscore({ game: id, board, userId }: UnscoreEffect): void {
    const game = entryOf(this.#games, id, newGame);
    const gone = entryOf(game.gone ??= new Map<string, string[]>(), board, () => []);
    if (!gone.includes(userId)) gone.push(userId);
    game.scores.get(board)?.delete(userId);
  }

  /** The games folded so far, grouped by the partition that `partitionOf` gives each. */
  byPartition(partitionOf: (game: string) => number): Map<number, Record<string, GameDelta>> {
    const groups = new Map<number, Record<string, GameDelta>>();
    for (const [id, game] of this.#games) {
      entryOf(groups, partitionOf(id), bag<GameDelta>)[id] = game.delta();
    }
    return groups;
  }
}
