/**
 * How the gateway's port meets the network, as configured.
 *
 * @module
 */
import type { VariableReader } from "../config_reader.ts";
import { edgeLimits } from "./edge_limits.ts";
import { type Cidr, parseCidr } from "./cidr.ts";

/** The header by which trusted proxies tell whom they speak for. */
const proxyHeaders = ["x-forwarded-for", "forwarded"] as const;
export type ProxyHeader = typeof proxyHeaders[number];

export interface EdgeConfig {
  /** `GUARD` `on` or `off`: whether connections pass the TCP guard; off behind a proxy that guards. @default on */
  readonly guard: boolean;
  /** `TRUSTED_PROXIES`, networks with commas, whose word on a client's address is taken. @default none */
  readonly trustedProxies: readonly Cidr[];
  /** `PROXY_HEADER` that they set: `x-forwarded-for` or `forwarded`; the other is not read. @default "x-forwarded-for" */
  readonly proxyHeader: ProxyHeader;
  /** `CONNECTIONS_MAX` of the guard; 0: what descriptors allow. @default 0 */
  readonly connectionsMax: number;
  /** `CONNECTIONS_PER_ADDRESS` of the guard; 0 is no limit. @default edgeLimits.perAddressMax */
  readonly connectionsPerAddress: number;
}

export function readEdgeConfig(read: VariableReader): EdgeConfig {
  return {
    guard: read.choice("GUARD", ["on", "off"], "on") === "on",
    trustedProxies: readNetworks(read, "TRUSTED_PROXIES"),
    proxyHeader: read.choice("PROXY_HEADER", proxyHeaders, "x-forwarded-for"),
    connectionsMax: read.integer("CONNECTIONS_MAX", 0, 1_000_000, 0),
    connectionsPerAddress: read.integer(
      "CONNECTIONS_PER_ADDRESS",
      0,
      1_000_000,
      edgeLimits.perAddressMax,
    ),
  };
}

function readNetworks(read: VariableReader, name: string): Cidr[] {
  const text = read.text(name, /^/, "");
  if (text === undefined) return [];
  const networks = text.split(",").map((part) => parseCidr(part.trim()));
  const known = networks.filter((network) => network !== undefined);
  if (known.length < networks.length) {
    read.fault(name, "addresses and networks with commas, such as 10.0.0.0/8,2001:db8::1");
  }
  return known;
}
