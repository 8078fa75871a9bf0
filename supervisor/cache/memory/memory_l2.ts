/**
 * Derived values in this process: the least recently used goes first.
 *
 * @module
 */
import { limits } from "../../../schema/limits.ts";
import type { L2Cache } from "../cache.ts";

interface Kept {
  readonly value: string;
  readonly until: number;
}

export interface MemoryL2Options {
  readonly now: () => number;
  /** Characters of keys and values together. @default limits.cacheCharsMax */
  readonly charsMax?: number;
}

export class MemoryL2 implements L2Cache {
  readonly #kept = new Map<string, Kept>();
  readonly #charsMax: number;
  #chars = 0;

  constructor(readonly options: MemoryL2Options) {
    this.#charsMax = options.charsMax ?? limits.cacheCharsMax;
  }

  get size(): number {
    return this.#kept.size;
  }

  get(key: string): Promise<string | undefined> {
    const kept = this.#kept.get(key);
    if (kept === undefined) return Promise.resolve(undefined);
    this.#drop(key, kept);
    if (kept.until <= this.options.now()) return Promise.resolve(undefined);
    // Put back last: it was used.
    this.#keep(key, kept);
    return Promise.resolve(kept.value);
  }

  set(key: string, value: string, ttlMs: number): Promise<void> {
    const before = this.#kept.get(key);
    if (before !== undefined) this.#drop(key, before);
    this.#keep(key, { value, until: this.options.now() + ttlMs });
    for (const [oldest, kept] of this.#kept) {
      if (this.#chars <= this.#charsMax) break;
      this.#drop(oldest, kept);
    }
    return Promise.resolve();
  }

  delete(key: string): Promise<void> {
    const kept = this.#kept.get(key);
    if (kept !== undefined) this.#drop(key, kept);
    return Promise.resolve();
  }

  #keep(key: string, kept: Kept): void {
    this.#kept.set(key, kept);
    this.#chars += key.length + kept.value.length;
  }

  #drop(key: string, kept: Kept): void {
    this.#kept.delete(key);
    this.#chars -= key.length + kept.value.length;
  }
}
