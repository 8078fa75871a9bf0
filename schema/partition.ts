/**
 * The one partition function: the murmur2 variant of Kafka's default partitioner over the UTF-8
 * bytes of the key. Gateway, producers and shards all call it, so a key never has two homes.
 *
 * @module
 */

const encoder = new TextEncoder();
const scratch = new Uint8Array(1024);

/**
 * 32-bit murmur2 with Kafka's seed (0x9747b28c), as a signed integer.
 * Source: `org.apache.kafka.common.utils.Utils.murmur2`.
 */
export function murmur2(bytes: Uint8Array, length: number = bytes.length): number {
  const m = 0x5bd1e995;
  let h = 0x9747b28c ^ length;
  const tail = length & ~3;
  for (let i = 0; i < tail; i += 4) {
    let k = bytes[i]! | (bytes[i + 1]! << 8) | (bytes[i + 2]! << 16) | (bytes[i + 3]! << 24);
    k = Math.imul(k, m);
    k ^= k >>> 24;
    k = Math.imul(k, m);
    h = Math.imul(h, m) ^ k;
  }
  const rest = length & 3;
  if (rest === 3) h ^= bytes[tail + 2]! << 16;
  if (rest >= 2) h ^= bytes[tail + 1]! << 8;
  if (rest >= 1) h = Math.imul(h ^ bytes[tail]!, m);
  h ^= h >>> 13;
  h = Math.imul(h, m);
  h ^= h >>> 15;
  return h;
}

/** The partition of `key` among `partitions`, as Kafka's default partitioner decides it. */
export function partitionOf(key: string, partitions: number): number {
  let bytes = scratch;
  let length = encoder.encodeInto(key, scratch).written;
  if (key.length * 3 > scratch.length) {
    bytes = encoder.encode(key);
    length = bytes.length;
  }
  return (murmur2(bytes, length) & 0x7fffffff) % partitions;
}
