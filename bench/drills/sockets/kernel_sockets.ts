/**
 * What the kernel says of the TCP connections to a port of this machine, from Linux' procfs: the
 * truth about who is still connected, whatever either end believes.
 *
 * @module
 */

/** One end of a connection whose own port is the one asked for. */
export interface ServedConnection {
  /** Of the client. */
  readonly remotePort: number;
  readonly isEstablished: boolean;
  /** Bytes that the client has not taken. */
  readonly unsentBytes: number;
}

const established = "01";

/** @param text of `/proc/net/tcp` or `/proc/net/tcp6` */
export function parseConnections(text: string, port: number): ServedConnection[] {
  const wanted = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  return text.split("\n").slice(1).flatMap((line) => {
    const [, local, remote, state, queues] = line.trim().split(/\s+/);
    if (local === undefined || !local.endsWith(wanted)) return [];
    const remotePort = parseInt(remote!.slice(remote!.indexOf(":") + 1), 16);
    if (remotePort === 0) return [];
    const unsentBytes = parseInt(queues!.slice(0, queues!.indexOf(":")), 16);
    return [{ remotePort, isEstablished: state === established, unsentBytes }];
  });
}

/** The connections to a port, by the client's port. */
export function connectionsTo(port: number): Map<number, ServedConnection> {
  const all = ["/proc/net/tcp", "/proc/net/tcp6"].flatMap((path) => {
    try {
      return parseConnections(Deno.readTextFileSync(path), port);
    } catch {
      // No IPv6 here.
      return [];
    }
  });
  return new Map(all.map((connection) => [connection.remotePort, connection]));
}
