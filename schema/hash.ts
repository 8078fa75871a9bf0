/**
 * 64-bit fingerprints of strings, for dedupe rings, player keys, state hashes and checksums.
 * Not cryptographic: whoever forges a collision harms only his own player.
 *
 * @module
 */

/** Two unsigned 32-bit halves: a 64-bit fingerprint without the cost of a BigInt. */
export interface Fingerprint {
  readonly hi: number;
  readonly lo: number;
}

/** One round of 32-bit murmur3 over a UTF-16 code unit. Source: Appleby, MurmurHash3_x86_32. */
function mix(h: number, unit: number): number {
  let k = Math.imul(unit, 0xcc9e2d51);
  k = Math.imul((k << 15) | (k >>> 17), 0x1b873593);
  h ^= k;
  return (Math.imul((h << 13) | (h >>> 19), 5) + 0xe6546b64) | 0;
}

/** Murmur3's finaliser: every input bit reaches every output bit. */
function finish(h: number): number {
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** Two murmur3 lanes with different seeds, the second over the units in another rotation. */
export function fingerprint(text: string, seed = 0): Fingerprint {
  let lo = seed | 0;
  let hi = seed ^ 0x9747b28c;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    lo = mix(lo, unit);
    hi = mix(hi, Math.imul(unit + i + 1, 0x9e3779b1));
  }
  return { hi: finish(hi ^ text.length), lo: finish(lo ^ text.length) };
}

/** The fingerprint as 16 hex digits. */
export function fingerprintHex(text: string, seed = 0): string {
  const { hi, lo } = fingerprint(text, seed);
  return hi.toString(16).padStart(8, "0") + lo.toString(16).padStart(8, "0");
}

/** The fingerprint as a signed 64-bit decimal, the form PostgreSQL's `bigint` takes. */
export function fingerprintBigint(text: string, seed = 0): string {
  const { hi, lo } = fingerprint(text, seed);
  return BigInt.asIntN(64, (BigInt(hi) << 32n) | BigInt(lo)).toString();
}
