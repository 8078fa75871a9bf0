/**
 * Which actors of a shard are in trouble: halted until an operator restarts them, or degraded, as
 * events of theirs were parked. It outlives the ownerships of its shard, not the process: a new
 * process tries every actor once.
 *
 * @module
 */

import type { DistrustReason } from "./restore_actor.ts";

/** An actor that takes no messages: they are parked, and who asks is told why. */
export interface HaltedActor {
  readonly id: string;
  readonly reason: string;
  /** Milliseconds since the Unix epoch. */
  readonly since: number;
}

interface Halt extends HaltedActor {
  /** Offset of the message that halted it; −1: it could not be loaded. */
  readonly at: number;
  /** Arrival of its oldest row that no snapshot reflects, milliseconds; `Infinity` for none. */
  readonly behindSince: number;
}

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
  readonly #halted = new Map<string, Halt>();
  readonly #parked = new Map<string, number>();

  halt(halt: Halt): void {
    this.#halted.set(halt.id, halt);
  }

  /** Why it is halted; `undefined` when it is not. */
  reasonOf(id: string): string | undefined {
    return this.#halted.get(id)?.reason;
  }

  /** Offset of the message that halted it; −1 when it is not halted, or could not be loaded. */
  haltedAt(id: string): number {
    return this.#halted.get(id)?.at ?? -1;
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

  halted(): HaltedActor[] {
    return Array.from(this.#halted.values(), ({ id, reason, since }) => ({ id, reason, since }));
  }

  /** Arrival of the oldest row of a halted actor that no snapshot reflects, milliseconds. */
  get behindSince(): number {
    let oldest = Infinity;
    for (const { behindSince } of this.#halted.values()) oldest = Math.min(oldest, behindSince);
    return oldest;
  }

  /** The shard was taken again: what was not committed comes again, and with it what it halted. */
  forgetFrom(offset: number): void {
    for (const { id, at } of this.#halted.values()) if (at >= offset) this.#halted.delete(id);
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
