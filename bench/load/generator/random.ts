/**
 * The generator's only source of randomness: sfc32, small, fast and the same on every machine.
 * Source: Chris Doty-Humphrey, PractRand ("Small Fast Counting", 32 bit).
 *
 * @module
 */

const TWO_32 = 4294967296;

/** A seeded sequence. Two with the same seed and stream are equal; other streams are independent. */
export class Random {
  // An Int32Array keeps the words out of V8's boxed doubles.
  readonly #s = new Int32Array(4);

  /**
   * @param seed any integer; its low 53 bits count
   * @param stream which of the seed's independent sequences. @default 0
   */
  constructor(seed: number, stream = 0) {
    this.#s[0] = seed | 0;
    this.#s[1] = Math.floor(seed / TWO_32) | 0;
    this.#s[2] = stream | 0;
    this.#s[3] = 1;
    // The generator's author asks for 12 rounds before the words of a short seed are mixed.
    for (let i = 0; i < 15; i++) this.u32();
  }

  /** The next 32 bits, 0 to 2^32 − 1. */
  u32(): number {
    const s = this.#s;
    const a = s[0]!, b = s[1]!, c = s[2]!;
    const t = (a + b + s[3]!) | 0;
    s[3] = s[3]! + 1;
    s[0] = b ^ (b >>> 9);
    s[1] = c + (c << 3);
    s[2] = ((c << 21) | (c >>> 11)) + t;
    return t >>> 0;
  }

  /** A number in [0, 1). */
  unit(): number {
    return this.u32() / TWO_32;
  }

  /** An integer in [0, n); n up to 2^32. Its bias, n / 2^32, is of no matter to a load. */
  below(n: number): number {
    return Math.floor(this.u32() * (n / TWO_32));
  }

  /** True in `share` of all calls, share in [0, 1]. */
  chance(share: number): boolean {
    return this.u32() < share * TWO_32;
  }
}

/**
 * 32 well mixed bits of a number: an attribute of a player that nobody needs to remember.
 * Source: murmur3's finaliser over the sum of the inputs, each spread by an odd constant.
 */
export function mix32(seed: number, n: number): number {
  let h = (Math.imul(seed | 0, 0x9e3779b1) + Math.imul(n | 0, 0x85ebca77)) | 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
