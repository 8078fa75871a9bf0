/**
 * The last 1,024 event ids of a player as 64-bit fingerprints: at most 8 KiB, however long he plays.
 *
 * @module
 */
import { fingerprint } from "../../schema/hash.ts";
import { limits } from "../../schema/limits.ts";

const smallest = 4;

/** Up to this capacity a plain array takes less memory than a typed one with its buffer. */
const plainMax = 32;

/** Low halves in `[0, capacity)`, high halves in `[capacity, 2 × capacity)`; 32 bits with a sign. */
type Words = number[] | Int32Array;

function newWords(capacity: number): Words {
  return capacity <= plainMax
    ? new Array<number>(capacity * 2).fill(0)
    : new Int32Array(capacity * 2);
}

// Two functions, so that each sees one kind of array: a loop over 1,024 then costs a third of the
// call into `indexOf`.
function isInPlain(words: number[], count: number, capacity: number, lo: number, hi: number) {
  for (let i = 0; i < count; i++) if (words[i] === lo && words[capacity + i] === hi) return true;
  return false;
}

function isInTyped(words: Int32Array, count: number, capacity: number, lo: number, hi: number) {
  for (let i = 0; i < count; i++) if (words[i] === lo && words[capacity + i] === hi) return true;
  return false;
}

/** A ring of fingerprints that starts small and grows to {@link limits.dedupeRingEntries}. */
export class DedupeRing {
  #words: Words;
  #capacity: number;
  #count = 0;
  /** Where the next entry goes. */
  #next = 0;

  constructor(capacity: number = smallest) {
    this.#capacity = capacity;
    this.#words = newWords(capacity);
  }

  get bytes(): number {
    return this.#capacity <= plainMax ? 120 + this.#capacity * 16 : 450 + this.#capacity * 8;
  }

  has(id: string): boolean {
    const { hi, lo } = fingerprint(id);
    return this.#has(hi | 0, lo | 0);
  }

  /** Remembers `id`; false when it is among those remembered already. */
  add(id: string): boolean {
    const { hi, lo } = fingerprint(id);
    if (this.#has(hi | 0, lo | 0)) return false;
    if (this.#next === this.#capacity && this.#capacity < limits.dedupeRingEntries) this.#grow();
    if (this.#next === this.#capacity) this.#next = 0;
    this.#words[this.#next] = lo | 0;
    this.#words[this.#capacity + this.#next] = hi | 0;
    this.#next++;
    if (this.#count < this.#capacity) this.#count++;
    return true;
  }

  #has(hi: number, lo: number): boolean {
    const words = this.#words;
    return words instanceof Int32Array
      ? isInTyped(words, this.#count, this.#capacity, lo, hi)
      : isInPlain(words, this.#count, this.#capacity, lo, hi);
  }

  #grow(): void {
    const old = this.#words;
    const oldCapacity = this.#capacity;
    this.#capacity = Math.min(oldCapacity * 2, limits.dedupeRingEntries);
    this.#words = newWords(this.#capacity);
    for (let i = 0; i < oldCapacity; i++) {
      this.#words[i] = old[i]!;
      this.#words[this.#capacity + i] = old[oldCapacity + i]!;
    }
  }

  /** The entries, oldest first, as base64 of little-endian (lo, hi) pairs. */
  encode(): string {
    // One kind of array for the loop, as above.
    const words = this.#words instanceof Int32Array ? this.#words : Int32Array.from(this.#words);
    const count = this.#count;
    const capacity = this.#capacity;
    const out = new DataView(new ArrayBuffer(count * 8));
    let at = count === capacity ? this.#next % capacity : 0;
    for (let i = 0; i < count; i++, at++) {
      if (at === capacity) at = 0;
      out.setInt32(i * 8, words[at]!, true);
      out.setInt32(i * 8 + 4, words[capacity + at]!, true);
    }
    return new Uint8Array(out.buffer).toBase64();
  }

  /** @throws {SyntaxError | RangeError} it is no ring */
  static decode(text: string): DedupeRing {
    const bytes = Uint8Array.fromBase64(text);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const count = bytes.byteLength / 8;
    if (!Number.isInteger(count) || count > limits.dedupeRingEntries) {
      throw new RangeError(`Cannot decode a ring of ${bytes.byteLength} bytes`);
    }
    let capacity = smallest;
    while (capacity < count) capacity *= 2;
    const ring = new DedupeRing(capacity);
    for (let i = 0; i < count; i++) {
      ring.#words[i] = view.getInt32(i * 8, true);
      ring.#words[capacity + i] = view.getInt32(i * 8 + 4, true);
    }
    ring.#count = count;
    ring.#next = count;
    return ring;
  }
}
