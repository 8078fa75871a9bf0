/**
 * Whom an address stands for, however it is written: what limits count by, and what logs may show.
 *
 * @module
 */
import { type AddressBytes, isWithin, parseAddress, parseCidr } from "./cidr.ts";

const loopback = ["127.0.0.0/8", "::1"].map((text) => parseCidr(text)!);

/** Whether it is an address of this machine. */
export const isLoopback = (address: string): boolean => isWithin(loopback, address);

/** The first groups of an IPv6 address, without leading zeros. */
const groupsOf = (bytes: AddressBytes, count: number): string =>
  Array.from({ length: count }, (_, i) => (bytes[2 * i]! * 256 + bytes[2 * i + 1]!).toString(16))
    .join(":");

/**
 * An address as limits count it: of IPv6 the network that one site has (`2001:db8:1:2::/64`), else
 * anybody has 2^64 of them; IPv4 as it is, also where IPv6 carries it. What is no address is itself.
 */
export function siteOf(address: string): string {
  // On the way of every request.
  if (!address.includes(":")) return address;
  const bytes = parseAddress(address);
  if (bytes === undefined) return address;
  return bytes.length === 4 ? bytes.join(".") : `${groupsOf(bytes, 4)}::/64`;
}

/**
 * The network of an address, which names nobody: of IPv4 its first three bytes, of IPv6 its first 48
 * bits; `unknown` for what is no address.
 */
export function networkOf(address: string): string {
  const bytes = parseAddress(address);
  if (bytes === undefined) return "unknown";
  return bytes.length === 4 ? `${bytes.slice(0, 3).join(".")}.0/24` : `${groupsOf(bytes, 3)}::/48`;
}
