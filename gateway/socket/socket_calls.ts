/**
 * The C library's calls on this process' own sockets: what the runtime offers no way to do. Its
 * sockets are found by their addresses, as it does not tell their descriptors.
 *
 * @module
 */

const symbols = {
  getpeername: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
  getsockname: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
  setsockopt: { parameters: ["i32", "i32", "i32", "buffer", "u32"], result: "i32" },
  shutdown: { parameters: ["i32", "i32"], result: "i32" },
} as const;

type Symbols = Deno.DynamicLibrary<typeof symbols>["symbols"];

/** What differs between the systems we know: names of the library, numbers of `sys/socket.h`. */
const systems = {
  linux: {
    libraries: ["libc.so.6", "libc.musl-x86_64.so.1", "libc.musl-aarch64.so.1"],
    descriptors: "/proc/self/fd",
    inet6: 10,
    level: 1,
    options: { linger: 13, sendBuffer: 7 },
  },
  darwin: {
    libraries: ["libSystem.B.dylib"],
    descriptors: "/dev/fd",
    inet6: 30,
    level: 0xffff,
    options: { linger: 0x80, sendBuffer: 0x1001 },
  },
} as const;
const inet = 2;
const shutBoth = 2;

/** `address:port` of IPv4, also where it is mapped into IPv6; of IPv6 its bytes in hex. */
function nameOf(address: Uint8Array, isInet6: boolean): string {
  const port = address[2]! * 256 + address[3]!;
  if (!isInet6) return `${address.slice(4, 8).join(".")}:${port}`;
  const bytes = address.slice(8, 24);
  const isMapped = bytes.subarray(0, 10).every((byte) => byte === 0) && bytes[10] === 255 &&
    bytes[11] === 255;
  return isMapped ? `${bytes.slice(12).join(".")}:${port}` : `${bytes.toHex()}:${port}`;
}

function load(names: readonly string[]): Symbols | undefined {
  for (const name of names) {
    try {
      return Deno.dlopen(name, symbols).symbols;
    } catch {
      // It has another name here, or foreign functions are not permitted.
    }
  }
  return undefined;
}

/** Calls on sockets by their descriptors. */
export class SocketCalls {
  readonly #address = new Uint8Array(128);
  readonly #length = new Uint32Array(1);

  private constructor(
    readonly symbols: Symbols,
    readonly system: typeof systems["linux" | "darwin"],
  ) {}

  /** `undefined` on another system, or without the permission to call foreign functions. */
  static open(): SocketCalls | undefined {
    const { os } = Deno.build;
    if (os !== "linux" && os !== "darwin") return undefined;
    const libc = load(systems[os].libraries);
    return libc === undefined ? undefined : new SocketCalls(libc, systems[os]);
  }

  /** All descriptors of this process, sockets or not. */
  *descriptors(): Generator<number> {
    for (const { name } of Deno.readDirSync(this.system.descriptors)) yield Number(name);
  }

  #name(call: "getpeername" | "getsockname", fd: number): string | undefined {
    this.#length[0] = this.#address.length;
    if (this.symbols[call](fd, this.#address, this.#length) !== 0) return undefined;
    const isDarwin = this.system === systems.darwin;
    const family = this.#address[isDarwin ? 1 : 0];
    if (family !== inet && family !== this.system.inet6) return undefined;
    return nameOf(this.#address, family === this.system.inet6);
  }

  /** The name of the other end; `undefined`: it is no connection over IP. */
  peer(fd: number): string | undefined {
    return this.#name("getpeername", fd);
  }

  /** The name of our end. */
  own(fd: number): string | undefined {
    return this.#name("getsockname", fd);
  }

  set(fd: number, option: "linger" | "sendBuffer", ...values: number[]): boolean {
    const value = new Uint8Array(new Int32Array(values).buffer);
    const { level, options } = this.system;
    return this.symbols.setsockopt(fd, level, options[option], value, value.length) === 0;
  }

  /** Ends a connection in both directions. What waits for it fails. */
  shutDown(fd: number): boolean {
    return this.symbols.shutdown(fd, shutBoth) === 0;
  }
}
