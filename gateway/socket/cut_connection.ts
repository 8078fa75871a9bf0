/**
 * Cutting TCP connections of this process from outside the runtime. Deno waits for a WebSocket's
 * unsent bytes and for the answer to its close frame, however long they take, and offers no way to
 * drop the connection: a peer that stops reading would hold its memory for good. The C library's
 * `shutdown()` fails what the runtime waits for, and it lets go.
 *
 * @module
 */
import { parseAddress } from "../../schema/net/cidr.ts";
import { SocketCalls } from "./socket_calls.ts";

/** The other end of a connection, as the listener tells it. */
export interface Peer {
  readonly hostname: string;
  readonly port: number;
  /** The client, where the other end is a proxy. @default `hostname` */
  readonly client?: string | undefined;
}

/** Cuts the connections of these peers, all in one look; tells how many it found. */
export type CutConnections = (peers: readonly Peer[]) => number;

/** The name of a peer as {@link SocketCalls.peer} has it. */
export function peerName({ hostname, port }: Peer): string {
  const bytes = parseAddress(hostname);
  if (bytes === undefined) return `${hostname}:${port}`;
  return `${bytes.length === 4 ? bytes.join(".") : Uint8Array.from(bytes).toHex()}:${port}`;
}

/**
 * Makes the cutter; `undefined` where there is none to be had: on another system, or without the
 * permission to call foreign functions. Then a proxy in front must cut who does not read.
 */
export function connectionCutter(): CutConnections | undefined {
  const calls = SocketCalls.open();
  if (calls === undefined) return undefined;
  return (peers) => {
    if (peers.length === 0) return 0;
    const wanted = new Map(peers.map((peer) => [peerName(peer), [] as number[]]));
    for (const fd of calls.descriptors()) {
      const peer = calls.peer(fd);
      if (peer !== undefined) wanted.get(peer)?.push(fd);
    }
    let cut = 0;
    for (const [fd, ...others] of wanted.values()) {
      // Two connections with one peer: nobody can say which of them is meant.
      if (fd === undefined || others.length > 0) continue;
      // On, zero seconds: the kernel drops what it still holds, too, and resets the connection.
      calls.set(fd, "linger", 1, 0);
      if (calls.shutDown(fd)) cut++;
    }
    return cut;
  };
}
