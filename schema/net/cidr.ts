/**
 * IP addresses and networks in CIDR notation, as configurations and proxies write them.
 *
 * @module
 */

/** Bytes of an address: 4, or 16. An IPv4 address that IPv6 carries (`::ffff:…`) is its 4 bytes. */
export type AddressBytes = readonly number[];

/** A network. */
export interface Cidr {
  readonly bytes: AddressBytes;
  /** Leading bits that addresses of it share. */
  readonly bits: number;
}

function parseIpv4(text: string): number[] | undefined {
  if (!/^\d{1,3}(\.\d{1,3}){3}$/.test(text)) return undefined;
  const bytes = text.split(".").map(Number);
  return bytes.every((byte) => byte <= 255) ? bytes : undefined;
}

/** Groups of half an IPv6 address; the last may be an IPv4 address. */
function groupsOf(text: string): number[] | undefined {
  if (text === "") return [];
  const groups: number[] = [];
  const parts = text.split(":");
  for (const [i, part] of parts.entries()) {
    const v4 = i === parts.length - 1 && part.includes(".") ? parseIpv4(part) : undefined;
    if (v4 !== undefined) groups.push(v4[0]! * 256 + v4[1]!, v4[2]! * 256 + v4[3]!);
    else if (/^[0-9a-f]{1,4}$/i.test(part)) groups.push(parseInt(part, 16));
    else return undefined;
  }
  return groups;
}

function parseIpv6(text: string): number[] | undefined {
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const [head, tail] = halves.map(groupsOf);
  if (head === undefined || (halves.length === 2 && tail === undefined)) return undefined;
  const zeros = 8 - head.length - (tail?.length ?? 0);
  // `::` stands for at least one group.
  if (halves.length === 2 ? zeros < 1 : zeros !== 0) return undefined;
  const groups = [...head, ...Array<number>(zeros).fill(0), ...tail ?? []];
  return groups.flatMap((group) => [group >> 8, group & 255]);
}

const mappedPrefix = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255];

/** The bytes of an address; `undefined` for what is none. A zone (`%eth0`) is left out. */
export function parseAddress(text: string): AddressBytes | undefined {
  if (text.length > 64) return undefined;
  if (!text.includes(":")) return parseIpv4(text);
  const bytes = parseIpv6(text.split("%", 1)[0]!);
  return bytes !== undefined && mappedPrefix.every((byte, i) => bytes[i] === byte)
    ? bytes.slice(12)
    : bytes;
}

/** `10.0.0.0/8`, `2001:db8::/32`, or one address; `undefined` for what is none of them. */
export function parseCidr(text: string): Cidr | undefined {
  const [address = "", length, ...rest] = text.split("/");
  const bytes = rest.length > 0 ? undefined : parseAddress(address);
  if (bytes === undefined) return undefined;
  const bitsMax = bytes.length * 8;
  if (length === undefined) return { bytes, bits: bitsMax };
  // The length counts the bits as written, of which a mapped address has 96 more.
  const isMapped = bytes.length === 4 && address.includes(":");
  const bits = /^\d{1,3}$/.test(length) ? Number(length) - (isMapped ? 96 : 0) : -1;
  return bits >= 0 && bits <= bitsMax ? { bytes, bits } : undefined;
}

function holds({ bytes, bits }: Cidr, address: AddressBytes): boolean {
  if (bytes.length !== address.length) return false;
  const whole = bits >> 3;
  for (let i = 0; i < whole; i++) if (bytes[i] !== address[i]) return false;
  const mask = 0xff00 >> (bits & 7) & 0xff;
  return mask === 0 || (bytes[whole]! & mask) === (address[whole]! & mask);
}

/** Whether an address is in one of the networks; what is no address is in none. */
export function isWithin(networks: readonly Cidr[], address: string): boolean {
  if (networks.length === 0) return false;
  const bytes = parseAddress(address);
  return bytes !== undefined && networks.some((network) => holds(network, bytes));
}
