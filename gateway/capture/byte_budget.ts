/** Bytes that all requests together may hold at once, so that many bodies do not add up to all memory. */
export class ByteBudget {
  #free: number;

  constructor(readonly bytesMax: number) {
    this.#free = bytesMax;
  }

  get bytesTaken(): number {
    return this.bytesMax - this.#free;
  }

  /** Takes `bytes`; false, and nothing taken, when fewer are left. */
  take(bytes: number): boolean {
    if (bytes > this.#free) return false;
    this.#free -= bytes;
    return true;
  }

  /** Gives back what was taken. */
  give(bytes: number): void {
    this.#free += bytes;
  }
}
