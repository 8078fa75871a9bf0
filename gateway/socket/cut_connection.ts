/**
 * Cutting TCP connections of this process from outside the runtime. Deno waits for a WebSocket's
 * unsent bytes and for the answer to its close frame, however long they take, and offers no way to
 * drop the connection: a peer that stops reading would hold its memory for good. The C library's
 * `shutdown()` fails what the runtime waits for, and it lets go.
 *
 * @module
 */

/** The other end of a connection, as the listener tells it. */
export interface Peer {
  readonly hostname: string;
  readonly port: number;
  /** The client, where the other end is a proxy. @default `hostname` */
  readonly client?: string | undefined;
}

/** Cuts the connections of these peers, all in one look; tells how many it found. */
export type CutConnections = (peers: readonly Peer[]) => number;

const symbols = {
  getpeername: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
  setsockopt: { parameters: ["i32", "i32", "i32", "buffer", "u32"], result: "i32" },
  shutdown: { parameters: ["i32", "i32"], result: "i32" },
} as const;

type Libc = Deno.DynamicLibrary<typeof symbols>["symbols"];

/** What differs between the systems we know: names of the library, numbers of `sys/socket.h`. */
const systems = {
  linux: {
    libraries: ["libc.so.6", "libc.musl-x86_64.so.1", "libc.musl-aarch64.so.1"],
    descriptors: "/proc/self/fd",
    inet6: 10,
    solSocket: 1,
    soLinger: 13,
  },
  darwin: {
    libraries: ["libSystem.B.dylib"],
    descriptors: "/dev/fd",
    inet6: 30,
    solSocket: 0xffff,
    soLinger: 0x80,
  },
} as const;
const inet = 2;
const shutBoth = 2;

function openLibc(names: readonly string[]): Libc | undefined {
  for (const name of names) {
    try {
      return Deno.dlopen(name, symbols).symbols;
    } catch {
      // It has another name here, or foreign functions are not permitted.
    }
  }
  return undefined;
}

/** `address:port` of IPv4, also where it is mapped into IPv6; of IPv6 its bytes in hex. */
function nameOf(address: Uint8Array, isInet6: boolean): string {
  const port = address[2]! * 256 + address[3]!;
  if (!isInet6) return `${address.slice(4, 8).join(".")}:${port}`;
  const bytes = address.slice(8, 24);
  const isMapped = bytes.subarray(0, 10).every((byte) => byte === 0) && bytes[10] === 255 &&
    bytes[11] === 255;
  return isMapped ? `${bytes.slice(12).join(".")}:${port}` : `${bytes.toHex()}:${port}`;
}

/** The name of a peer as {@link nameOf} has it. */
export function peerName({ hostname, port }: Peer): string {
  const mapped = /^(?:::ffff:)?(\d+\.\d+\.\d+\.\d+)$/i.exec(hostname);
  if (mapped !== null) return `${mapped[1]}:${port}`;
  const [head = "", tail] = hostname.replace(/%.*$/, "").split("::", 2);
  const groups = (text: string) => text === "" ? [] : text.split(":");
  const [front, back] = [groups(head), groups(tail ?? "")];
  const zeros = Array(Math.max(0, 8 - front.length - back.length)).fill("0");
  const all = [...front, ...zeros, ...back].map((group) => group.padStart(4, "0").toLowerCase());
  return `${all.join("")}:${port}`;
}

/**
 * Makes the cutter; `undefined` where there is none to be had: on another system, or without the
 * permission to call foreign functions. Then a proxy in front must cut who does not read.
 */
export function connectionCutter(): CutConnections | undefined {
  const { os } = Deno.build;
  if (os !== "linux" && os !== "darwin") return undefined;
  const system = systems[os];
  const libc = openLibc(system.libraries);
  if (libc === undefined) return undefined;
  const address = new Uint8Array(128);
  const length = new Uint32Array(1);
  // On, zero seconds: the kernel drops what it still holds, too, and resets the connection.
  const linger = new Uint8Array(new Int32Array([1, 0]).buffer);

  const nameOfDescriptor = (fd: number): string | undefined => {
    length[0] = address.length;
    if (libc.getpeername(fd, address, length) !== 0) return undefined;
    const family = os === "darwin" ? address[1]! : address[0]!;
    if (family !== inet && family !== system.inet6) return undefined;
    return nameOf(address, family === system.inet6);
  };

  return (peers) => {
    if (peers.length === 0) return 0;
    const wanted = new Map(peers.map((peer) => [peerName(peer), [] as number[]]));
    for (const { name } of Deno.readDirSync(system.descriptors)) {
      const peer = nameOfDescriptor(Number(name));
      if (peer !== undefined) wanted.get(peer)?.push(Number(name));
    }
    let cut = 0;
    for (const [fd, ...others] of wanted.values()) {
      // Two connections with one peer: nobody can say which of them is meant.
      if (fd === undefined || others.length > 0) continue;
      libc.setsockopt(fd, system.solSocket, system.soLinger, linger, linger.length);
      if (libc.shutdown(fd, shutBoth) === 0) cut++;
    }
    return cut;
  };
}
