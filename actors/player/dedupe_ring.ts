/**
 * The last 1,024 event ids of a player as 64-bit fingerprints: at most 8 KiB, however long he plays.
 *
 * @module
 */
import { fingerprint } from "../../schema/hash.ts";
import { limits } from "../../schema/limits.ts";

const smallest = 16;

/** Below this count a plain loop beats the call into `indexOf`. */
const loopMax = 48;

/** A ring of fingerprints that starts small and grows to {@link limits.dedupeRingEntries}. */
export class DedupeRing {
  /** Low halves in `[0, capacity)`, high halves in `[capacity, 2 × capacity)`. */
  #words: Uint32Array;
  #capacity: number;
  #count = 0;
  /** Where the next entry goes. */
  #next = 0;

  constructor(capacity: number = smallest) {
    this.#capacity = capacity;
    this.#words = new Uint32Array(capacity * 2);
  }

  get bytes(): number {
    return 200 + this.#words.byteLength;
  }

  /** Remembers `id`; false when it is among those remembered already. */
  add(id: string): boolean {
    const { hi, lo } = fingerprint(id);
    if (this.#has(hi, lo)) return false;
    if (this.#next === this.#capacity && this.#capacity < limits.dedupeRingEntries) this.#grow();
    if (this.#next === this.#capacity) this.#next = 0;
    this.#words[this.#next] = lo;
    this.#words[this.#capacity + this.#next] = hi;
    this.#next++;
    if (this.#count < this.#capacity) this.#count++;
    return true;
  }

  #has(hi: number, lo: number): boolean {
    const words = this.#words;
    const count = this.#count;
    if (count <= loopMax) {
      for (let i = 0; i < count; i++) {
        if (words[i] === lo && words[this.#capacity + i] === hi) return true;
      }
      return false;
    }
    for (let i = words.indexOf(lo); i !== -1 && i < count; i = words.indexOf(lo, i + 1)) {
      if (words[this.#capacity + i] === hi) return true;
    }
    return false;
  }

  #grow(): void {
    const capacity = Math.min(this.#capacity * 2, limits.dedupeRingEntries);
    const words = new Uint32Array(capacity * 2);
    words.set(this.#words.subarray(0, this.#capacity), 0);
    words.set(this.#words.subarray(this.#capacity), capacity);
    this.#words = words;
    this.#capacity = capacity;
  }

  /** The entries, oldest first, as base64 of little-endian (lo, hi) pairs. */
  encode(): string {
    const out = new DataView(new ArrayBuffer(this.#count * 8));
    const oldest = this.#count === this.#capacity ? this.#next % this.#capacity : 0;
    for (let i = 0; i < this.#count; i++) {
      const at = (oldest + i) % this.#capacity;
      out.setUint32(i * 8, this.#words[at]!, true);
      out.setUint32(i * 8 + 4, this.#words[this.#capacity + at]!, true);
    }
    return new Uint8Array(out.buffer).toBase64();
  }

  static decode(text: string): DedupeRing {
    const bytes = Uint8Array.fromBase64(text);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const count = bytes.byteLength / 8;
    let capacity = smallest;
    while (capacity < count) capacity *= 2;
    const ring = new DedupeRing(capacity);
    for (let i = 0; i < count; i++) {
      ring.#words[i] = view.getUint32(i * 8, true);
      ring.#words[capacity + i] = view.getUint32(i * 8 + 4, true);
    }
    ring.#count = count;
    ring.#next = count;
    return ring;
  }
}
