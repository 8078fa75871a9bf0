/**
 * How much of the journal a node holds for those who read it: text of the pages of events that are
 * being read or told, or wait for the rest of their answer. Objects and answers made of it are a few times as much. What finds no
 * room waits briefly, in order, and is then refused, so that many large reads together do not take
 * all memory. One key or user has a share only, so that it cannot keep the others out.
 *
 * @module
 */
import { limits } from "../../schema/limits.ts";
import type { EventPage } from "../../supervisor/platform.ts";
import { unavailable } from "../problem.ts";

export interface PageBudgetOptions {
  /** @default limits.eventPagesBytesMax */
  readonly bytesMax?: number;
  /** What one key or user may hold. @default limits.eventPagesBytesPerKeyMax */
  readonly bytesPerKeyMax?: number;
  /** How long a read waits for room. @default limits.eventPagesWaitMs */
  readonly waitMs?: number;
}

interface Waiter {
  readonly who: string;
  readonly bytes: number;
  readonly enter: () => void;
}

/** The most that a page may take: its last event may go beyond the page's own limit. */
export function pageBytesMost(first: number): number {
  const { eventBytesMax, pageBytesMax } = limits;
  const text = Math.min(first * eventBytesMax, pageBytesMax + eventBytesMax);
  return text + first * limits.eventFrameBytes;
}

const pageBytes = ({ bytes, events }: EventPage) => bytes + events.length * limits.eventFrameBytes;

/** One of each node. */
export class PageBudget {
  readonly #bytesMax: number;
  readonly #bytesPerKeyMax: number;
  readonly #waitMs: number;
  #taken = 0;
  readonly #takenBy = new Map<string, number>();
  readonly #waiting = new Set<Waiter>();

  constructor(options: PageBudgetOptions = {}) {
    this.#bytesMax = options.bytesMax ?? limits.eventPagesBytesMax;
    this.#bytesPerKeyMax = options.bytesPerKeyMax ?? limits.eventPagesBytesPerKeyMax;
    this.#waitMs = options.waitMs ?? limits.eventPagesWaitMs;
  }

  get bytesTaken(): number {
    return this.#taken;
  }

  /** Takes room once there is some. @throws {Problem} 503: there was none in time */
  async take(who: string, bytes: number): Promise<void> {
    const isNext = this.#waiting.size === 0;
    if (isNext && this.#enter(who, bytes)) return;
    await new Promise<void>((resolve, reject) => {
      const waiter = { who, bytes, enter: () => (clearTimeout(timer), resolve()) };
      const timer = setTimeout(() => {
        this.#waiting.delete(waiter);
        reject(unavailable("unavailable", "Too many events are being read: ask again later"));
        // It may have kept back who needs less.
        this.#admit();
      }, this.#waitMs);
      this.#waiting.add(waiter);
      // Who waits before may wait for his own share alone.
      this.#admit();
    });
  }

  give(who: string, bytes: number): void {
    this.#taken -= bytes;
    const left = this.#takenBy.get(who)! - bytes;
    if (left === 0) this.#takenBy.delete(who);
    else this.#takenBy.set(who, left);
    this.#admit();
  }

  #hasShare(who: string, bytes: number): boolean {
    return (this.#takenBy.get(who) ?? 0) + bytes <= this.#bytesPerKeyMax;
  }

  #enter(who: string, bytes: number): boolean {
    if (this.#taken + bytes > this.#bytesMax || !this.#hasShare(who, bytes)) return false;
    this.#taken += bytes;
    this.#takenBy.set(who, (this.#takenBy.get(who) ?? 0) + bytes);
    return true;
  }

  /** In order; whoever has used up his share is passed by. */
  #admit(): void {
    for (const waiter of this.#waiting) {
      const { who, bytes } = waiter;
      if (this.#enter(who, bytes)) {
        this.#waiting.delete(waiter);
        waiter.enter();
      } else if (this.#hasShare(who, bytes)) return;
    }
  }
}

/** What one operation or stream holds of the budget. */
export class PageLease {
  #bytes = 0;
  #isEnded = false;

  constructor(readonly budget: PageBudget, readonly who: string) {}

  /**
   * Reads a page, with room for the most that it may be; what it is in fact stays taken.
   *
   * @throws {Problem} 503: there is no room
   */
  async page(first: number, read: () => Promise<EventPage>): Promise<EventPage> {
    const most = pageBytesMost(first);
    await this.budget.take(this.who, most);
    let kept = 0;
    try {
      const page = await read();
      // Whoever is gone holds nothing.
      if (!this.#isEnded) kept = Math.min(pageBytes(page), most);
      return page;
    } finally {
      this.#bytes += kept;
      this.budget.give(this.who, most - kept);
    }
  }

  /** Gives back all, and what is still being read as soon as it is there. */
  end(): void {
    this.#isEnded = true;
    this.drop();
  }

  /** Gives back all that was read until now. */
  drop(): void {
    const bytes = this.#bytes;
    this.#bytes = 0;
    if (bytes > 0) this.budget.give(this.who, bytes);
  }
}
