/**
 * Which actors of a shard are in trouble: halted until an operator restarts them, or degraded, as
 * events of theirs were parked. It outlives the ownerships of its shard, not the process: a new
 * process tries every actor once.
 *
 * @module
 */

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
