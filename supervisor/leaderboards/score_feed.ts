/**
 * Brings scores to the long boards. While the cache is away they wait, the best of each user once.
 *
 * @module
 */
import { Unavailable } from "../../schema/errors.ts";
import { limits } from "../../schema/limits.ts";
import type { Boards } from "../cache/cache.ts";
import type { ResourceMeter } from "../observability/resource_meter.ts";
import { boardKey, type BoardScores } from "./scored_stage.ts";

export interface ScoreFeedOptions {
  readonly boards: Boards;
  readonly meter: ResourceMeter;
  /** Scores that may wait. @default limits.scoresWaitingMax */
  readonly waitingMax?: number;
}

export class ScoreFeed {
  readonly #waiting = new Map<string, Map<string, number>>();
  readonly #waitingMax: number;
  #size = 0;

  constructor(readonly options: ScoreFeedOptions) {
    this.#waitingMax = options.waitingMax ?? limits.scoresWaitingMax;
  }

  /** Scores that wait. */
  get size(): number {
    return this.#size;
  }

  /** Takes scores; what there is no room for is lost until its user scores higher, and counted. */
  add({ game, board, scores }: BoardScores): void {
    this.#keep(boardKey(game, board), scores);
  }

  #keep(key: string, scores: Iterable<readonly [string, number]>): void {
    let lost = 0;
    const waiting = this.#waiting.get(key) ?? new Map<string, number>();
    for (const [userId, score] of scores) {
      const held = waiting.get(userId);
      if (held === undefined && this.#size >= this.#waitingMax) {
        lost++;
        continue;
      }
      if (held === undefined) this.#size++;
      if (held === undefined || score > held) waiting.set(userId, score);
    }
    if (waiting.size > 0) this.#waiting.set(key, waiting);
    if (lost > 0) this.options.meter.lost("offer", lost);
    this.options.meter.waiting(this.#size);
  }

  /** Offers what waits, board by board, until it is done or the cache is away. */
  async flush(): Promise<void> {
    for (const [key, scores] of [...this.#waiting]) {
      this.#waiting.delete(key);
      this.#size -= scores.size;
      try {
        await this.options.boards.offer(key, scores);
      } catch (error) {
        if (!(error instanceof Unavailable)) throw error;
        this.#keep(key, scores);
        break;
      }
    }
    this.options.meter.waiting(this.#size);
  }
}
