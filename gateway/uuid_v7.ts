/**
 * UUID version 7 (RFC 9562): ids that sort by the time they were made.
 *
 * @module
 */

const poolBytes = 8 * 512;
const hex = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

/**
 * A maker of UUIDs that ascend strictly, also within one millisecond and when the clock steps back.
 *
 * @param now milliseconds since the Unix epoch
 * @param fillRandom fills its argument with random bytes. @default crypto.getRandomValues
 */
export function uuidV7Maker(
  now: () => number,
  fillRandom: (bytes: Uint8Array<ArrayBuffer>) => void = (bytes) => crypto.getRandomValues(bytes),
): () => string {
  // One call for 512 ids: asking for random bytes costs more than the rest of an id.
  const pool = new Uint8Array(poolBytes);
  let used = poolBytes;
  let lastMs = -1;
  let counter = 0;
  return () => {
    if (used === poolBytes) {
      fillRandom(pool);
      used = 0;
    }
    const at = used;
    used += 8;
    const ms = Math.floor(now());
    if (ms > lastMs) {
      lastMs = ms;
      // Starting in the lower half leaves room for 2,048 ids in this millisecond.
      counter = (pool[at]! << 3 | pool[at + 1]! & 7) & 0x7ff;
    } else if (++counter > 0xfff) {
      lastMs++;
      counter = 0;
    }
    const time = lastMs.toString(16).padStart(12, "0");
    const variant = hex[0x80 | pool[at]! & 0x3f]! + hex[pool[at + 1]!]!;
    let node = "";
    for (let i = at + 2; i < at + 8; i++) node += hex[pool[i]!]!;
    const middle = (0x7000 | counter).toString(16);
    return `${time.slice(0, 8)}-${time.slice(8)}-${middle}-${variant}-${node}`;
  };
}
