/**
 * The client's address where proxies stand in between. A header may say anything: what counts is who
 * wrote which part. Each proxy appends whom it heard from, so hops are read from the right, and the
 * first one that is no proxy of ours is the client, whatever stands before it.
 *
 * @module
 */
import { type Cidr, isWithin, parseAddress } from "../../schema/net/cidr.ts";
import { remembered } from "../../schema/memory/remembered.ts";
import type { ProxyHeader } from "../../schema/net/edge_config.ts";

export interface ProxyTrust {
  /** Networks of the proxies that are ours. */
  readonly proxies: readonly Cidr[];
  /** The header that they set. */
  readonly header: ProxyHeader;
}

/** Tells the client's address from that of the connection's other end. */
export type AddressOf = (peer: string, headers: Headers) => string;

/** So many hops are looked at; nobody has that many proxies of his own. */
const hopsMax = 16;
/** Proxies whose verdict is remembered: there are few, and each request comes from one. */
const peersKept = 1024;
const clientsKept = 4096;
/** Characters of a header that is remembered; what is longer names more hops than anybody has. */
const rememberedCharsMax = 256;

/** The address in a hop: bare, with a port, in brackets; `undefined` for what is none. */
function addressIn(hop: string): string | undefined {
  const text = hop.trim().replace(/^"(.*)"$/, "$1");
  const bracketed = /^\[([^\]]+)\](?::\d+)?$/.exec(text);
  const bare = bracketed?.[1] ?? (/^[^:]+:\d+$/.test(text) ? text.split(":", 1)[0]! : text);
  return parseAddress(bare) === undefined ? undefined : bare;
}

/** What `Forwarded` (RFC 7239) says of each hop's `for`; `""` where it says nothing. */
function forwardedFor(value: string): string[] {
  return value.split(",").map((element) =>
    /(?:^|;)\s*for\s*=\s*("[^"]*"|[^;,\s]+)/i.exec(element)?.[1] ?? ""
  );
}

/**
 * An {@link AddressOf} that takes the word of trusted proxies alone. A header from anybody else is not
 * read; the other of the two headers never is, as a proxy passes it on as it came.
 */
export function addressOf({ proxies, header }: ProxyTrust): AddressOf {
  if (proxies.length === 0) return (peer) => peer;
  const isProxy = remembered((peer) => isWithin(proxies, peer), peersKept);
  /** @returns `""` when it names nobody */
  const clientIn = (value: string) => {
    const hops = header === "forwarded" ? forwardedFor(value) : value.split(",");
    let client = "";
    for (const hop of hops.slice(-hopsMax).reverse()) {
      const address = addressIn(hop);
      // The hop before could not say whom it heard from, so it stands for him.
      if (address === undefined) break;
      client = address;
      if (!isProxy(address)) break;
    }
    return client;
  };
  // Clients send many requests over a connection.
  const clientBefore = remembered(clientIn, clientsKept);
  return (peer, headers) => {
    if (!isProxy(peer)) return peer;
    const value = headers.get(header);
    if (value === null) return peer;
    return (value.length > rememberedCharsMax ? clientIn(value) : clientBefore(value)) || peer;
  };
}
