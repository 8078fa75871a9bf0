/**
 * Whose connections come from which ports of loopback, in memory that the guard's thread and the
 * server's share: a question for each request would cost both of them more than the request.
 *
 * @module
 */
import { type AddressBytes, parseAddress } from "../../schema/net/cidr.ts";

/** The other end of a connection. */
export interface Peer {
  /** An address in its usual form: `192.0.2.1`, `2001:db8::1`, `::ffff:192.0.2.1`. */
  readonly hostname: string;
  readonly port: number;
}

/**
 * Cells of a port, 32 bits each: a number that is odd while the others change and grows with each
 * change; family and client's port; four of the address. 24 bytes for each of 65,536 ports are
 * 1.5 MiB; of what is never written the system gives no memory.
 */
const cells = 6;
const ports = 65_536;
/** Bytes of a table. */
export const peerTableBytes = ports * cells * Int32Array.BYTES_PER_ELEMENT;

const NOBODY = 0;
const IPV4 = 1;
/** IPv4 as IPv6 carries it. */
const MAPPED = 2;
const IPV6 = 3;

/** A writer takes nanoseconds, and the first byte comes after it: who waits longer waits for nothing. */
const readsMax = 100;

/** The usual form of 16 bytes, RFC 5952: the first of the longest runs of zeros is left out. */
function textOfIpv6(words: readonly number[]): string {
  const groups = words.flatMap((word) => [word >>> 16, word & 0xffff]);
  let [start, length] = [0, 0];
  for (let i = 0; i < 8; i++) {
    let end = i;
    while (groups[end] === 0) end++;
    if (end - i > length) [start, length] = [i, end - i];
  }
  const text = (part: readonly number[]) => part.map((group) => group.toString(16)).join(":");
  if (length < 2) return text(groups);
  return `${text(groups.slice(0, start))}::${text(groups.slice(start + length))}`;
}

const textOfIpv4 = (word: number): string =>
  `${word >>> 24}.${word >>> 16 & 255}.${word >>> 8 & 255}.${word & 255}`;

const wordAt = (bytes: AddressBytes, at: number): number =>
  bytes[at]! << 24 | bytes[at + 1]! << 16 | bytes[at + 2]! << 8 | bytes[at + 3]!;

/** One writes, any thread reads. */
export class PeerTable {
  readonly #cells: Int32Array;

  /** @param buffer another table's, to share it. @default a new one in which nobody is */
  constructor(readonly buffer: SharedArrayBuffer = new SharedArrayBuffer(peerTableBytes)) {
    this.#cells = new Int32Array(buffer);
  }

  /** From now on the port is `peer`'s; what is no address is nobody. */
  set(port: number, { hostname, port: peerPort }: Peer): void {
    const bytes = parseAddress(hostname);
    if (bytes === undefined) return this.delete(port);
    const isIpv4 = bytes.length === 4;
    const family = isIpv4 ? hostname.includes(":") ? MAPPED : IPV4 : IPV6;
    const words = isIpv4 ? [wordAt(bytes, 0)] : [0, 4, 8, 12].map((at) => wordAt(bytes, at));
    this.#write(port, family << 16 | peerPort, words);
  }

  /** From now on the port is nobody's. */
  delete(port: number): void {
    this.#write(port, NOBODY, []);
  }

  #write(port: number, head: number, words: readonly number[]): void {
    const at = port * cells;
    Atomics.add(this.#cells, at, 1);
    Atomics.store(this.#cells, at + 1, head);
    for (const [i, word] of words.entries()) Atomics.store(this.#cells, at + 2 + i, word);
    Atomics.add(this.#cells, at, 1);
  }

  /** Whose the port is, as the last whole change says; nobody's while one never ends. */
  get(port: number): Peer | undefined {
    const at = port * cells;
    const words = [0, 0, 0, 0];
    for (let read = 0; read < readsMax; read++) {
      const before = Atomics.load(this.#cells, at);
      const head = Atomics.load(this.#cells, at + 1);
      for (let i = 0; i < 4; i++) words[i] = Atomics.load(this.#cells, at + 2 + i);
      const isWhole = before % 2 === 0 && Atomics.load(this.#cells, at) === before;
      if (isWhole) return peerIn(head, words);
    }
    return undefined;
  }
}

function peerIn(head: number, words: readonly number[]): Peer | undefined {
  const port = head & 0xffff;
  switch (head >>> 16) {
    case IPV4:
      return { hostname: textOfIpv4(words[0]!), port };
    case MAPPED:
      return { hostname: `::ffff:${textOfIpv4(words[0]!)}`, port };
    case IPV6:
      return { hostname: textOfIpv6(words), port };
    default:
      return undefined;
  }
}
