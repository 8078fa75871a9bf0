/**
 * Leaderboards of this process, for tests and for a node that is alone. Sorted when they are read.
 *
 * @module
 */
import { limits } from "../../../schema/limits.ts";
import type { BoardPage, Boards } from "../cache.ts";

type Entry = readonly [userId: string, score: number];

const encoder = new TextEncoder();

/** The order of sorted sets: bytes, not UTF-16 units as `<` has it. */
function compareBytes(a: string, b: string): number {
  if (a === b) return 0;
  const [x, y] = [encoder.encode(a), encoder.encode(b)];
  const differs = x.findIndex((byte, i) => byte !== y[i]);
  return differs === -1 ? -1 : x[differs]! - (y[differs] ?? -1);
}

function byRank(a: Entry, b: Entry): number {
  return b[1] - a[1] || compareBytes(a[0], b[0]);
}

export class MemoryBoards implements Boards {
  readonly #boards = new Map<string, Map<string, number>>();
  readonly #entriesMax: number;

  /** @param entriesMax of a board */
  constructor(entriesMax: number = limits.cachedBoardEntriesMax) {
    this.#entriesMax = entriesMax;
  }

  offer(board: string, scores: ReadonlyMap<string, number>): Promise<void> {
    let held = this.#boards.get(board);
    if (held === undefined) this.#boards.set(board, held = new Map());
    for (const [userId, score] of scores) {
      if (score > (held.get(userId) ?? -Infinity)) held.set(userId, score);
    }
    if (held.size > this.#entriesMax) {
      this.#boards.set(board, new Map([...held].sort(byRank).slice(0, this.#entriesMax)));
    }
    return Promise.resolve();
  }

  page(board: string, offset: number, first: number): Promise<BoardPage> {
    const ranked = [...this.#boards.get(board) ?? []].sort(byRank);
    const entries = ranked.slice(offset, offset + first)
      .map(([userId, score], i) => ({ rank: offset + i + 1, userId, score }));
    return Promise.resolve({ entries, size: ranked.length });
  }

  remove(board: string): Promise<void> {
    this.#boards.delete(board);
    return Promise.resolve();
  }
}
