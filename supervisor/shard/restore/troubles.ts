/**
 * Which actors of a shard are in trouble: halted until an operator restarts them, or degraded, as
 * events of theirs were parked. Who is halted stands in the store, too; who is degraded is known until
 * the process ends.
 *
 * @module
 */

import type { HaltMark } from "../../store/store.ts";
import type { DistrustReason } from "./restore_actor.ts";

/** Whom the actors of a shard tell of trouble. */
export interface TroublePorts {
  readonly troubles: Troubles;
  /** Milliseconds since the Unix epoch. */
  now(): number;
  /** An actor's snapshot was no good. It came from the journal, and needs a new one. */
  rebuilt(actorId: string, reason: DistrustReason): void;
  halted(actorId: string, reason: string): void;
}

/** Nobody to tell. */
export const alone = (): TroublePorts => ({
  troubles: new Troubles(),
  now: () => 0,
  rebuilt() {},
  halted() {},
});

/** Beyond, the count of who was parked first is forgotten. */
const degradedMax = 10_000;

export class Troubles {
  readonly #halted = new Map<string, HaltMark>();
  readonly #parked = new Map<string, number>();

  halt(mark: HaltMark): void {
    this.#halted.set(mark.actorId, mark);
  }

  /** Why and since when it stands still; `undefined` when it does not. */
  markOf(id: string): HaltMark | undefined {
    return this.#halted.get(id);
  }

  /** Counts a message that was parked as its actor stands still. @returns the mark as it is now */
  countLetter(id: string): HaltMark | undefined {
    const mark = this.#halted.get(id);
    if (mark === undefined) return undefined;
    const counted = { ...mark, letters: mark.letters + 1 };
    this.#halted.set(id, counted);
    return counted;
  }

  /** Why it is halted; `undefined` when it is not. */
  reasonOf(id: string): string | undefined {
    return this.#halted.get(id)?.reason;
  }

  /** Offset of the message that halted it; −1 when it is not halted, or could not be loaded. */
  haltedAt(id: string): number {
    return this.#halted.get(id)?.offset ?? -1;
  }

  isHalted(id: string): boolean {
    return this.#halted.has(id);
  }

  /** Lets it be tried again, with a clean record. */
  release(id: string): void {
    this.#halted.delete(id);
    this.#parked.delete(id);
  }

  get haltedCount(): number {
    return this.#halted.size;
  }

  halted(): readonly HaltMark[] {
    return [...this.#halted.values()];
  }

  /** Arrival of the oldest row of a halted actor that no snapshot reflects, milliseconds. */
  get behindSince(): number {
    let oldest = Infinity;
    for (const { behindSince } of this.#halted.values()) {
      oldest = Math.min(oldest, behindSince ?? Infinity);
    }
    return oldest;
  }

  /** The shard was taken: the store knows who stands still, and what was not committed comes again. */
  begin(marks: readonly HaltMark[]): void {
    this.#halted.clear();
    for (const mark of marks) this.halt(mark);
  }

  /** Counts a message on which its actor threw. */
  countParked(id: string): void {
    const count = this.#parked.get(id) ?? 0;
    if (count === 0 && this.#parked.size >= degradedMax) {
      this.#parked.delete(this.#parked.keys().next().value!);
    }
    this.#parked.set(id, count + 1);
  }

  /** How many messages it threw on and left out. Above 0 it is degraded. */
  parkedOf(id: string): number {
    return this.#parked.get(id) ?? 0;
  }
}
