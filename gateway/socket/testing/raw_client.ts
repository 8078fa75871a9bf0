/**
 * A client of a WebSocket that is a bare TCP connection: it reads only when it is told to and never
 * answers pings, which no WebSocket library would allow.
 *
 * @module
 */

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** A client's text frame, masked with zeros. */
export function textFrame(text: string): Uint8Array<ArrayBuffer> {
  const payload = encoder.encode(text);
  const { length } = payload;
  const extended = length < 126 ? 0 : length < 65_536 ? 2 : 8;
  const frame = new Uint8Array(2 + extended + 4 + length);
  const view = new DataView(frame.buffer);
  frame[0] = 0x81;
  frame[1] = 0x80 | (extended === 0 ? length : extended === 2 ? 126 : 127);
  if (extended === 2) view.setUint16(2, length);
  if (extended === 8) view.setBigUint64(2, BigInt(length));
  frame.set(payload, 2 + extended + 4);
  return frame;
}

export class RawClient {
  #received = new Uint8Array(0);

  private constructor(readonly conn: Deno.TcpConn) {}

  /** Connects and upgrades; what follows is read by {@link closeCode} alone. */
  static async open(url: string, path: string, key?: string): Promise<RawClient> {
    const { hostname, port } = new URL(url);
    const conn = await Deno.connect({ hostname, port: Number(port) });
    const client = new RawClient(conn);
    const auth = key === undefined ? "" : `Authorization: Bearer ${key}\r\n`;
    await client.write(encoder.encode(
      `GET ${path} HTTP/1.1\r\nHost: test\r\n${auth}Connection: Upgrade\r\nUpgrade: websocket\r\n` +
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n\r\n",
    ));
    while (!decoder.decode(client.#received).includes("\r\n\r\n")) {
      if (!await client.#read()) throw new Error("The connection ended before the upgrade");
    }
    const [status] = decoder.decode(client.#received).split("\r\n", 1);
    if (!status!.startsWith("HTTP/1.1 101")) throw new Error(`The upgrade was refused: ${status}`);
    const end = decoder.decode(client.#received).indexOf("\r\n\r\n") + 4;
    client.#received = client.#received.slice(end);
    return client;
  }

  async #read(): Promise<boolean> {
    const part = new Uint8Array(16 * 1024);
    const n = await this.conn.read(part).catch(() => null);
    if (n === null) return false;
    const joined = new Uint8Array(this.#received.length + n);
    joined.set(this.#received);
    joined.set(part.subarray(0, n), this.#received.length);
    this.#received = joined;
    return true;
  }

  async write(bytes: Uint8Array): Promise<void> {
    for (let done = 0; done < bytes.length;) done += await this.conn.write(bytes.subarray(done));
  }

  send(message: unknown): Promise<void> {
    return this.write(textFrame(JSON.stringify(message)));
  }

  /** Reads to the close frame; its code, or `undefined` when the connection ended without one. */
  async closeCode(): Promise<number | undefined> {
    for (;;) {
      const bytes = this.#received;
      const length = bytes.length < 2 ? 0 : bytes[1]! & 0x7f;
      const start = length < 126 ? 2 : length === 126 ? 4 : 10;
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      const isHeadThere = bytes.length >= Math.max(2, start);
      const size = !isHeadThere
        ? 0
        : length < 126
        ? length
        : length === 126
        ? view.getUint16(2)
        : Number(view.getBigUint64(2));
      if (!isHeadThere || bytes.length < start + size) {
        if (!await this.#read()) return undefined;
        continue;
      }
      if ((bytes[0]! & 0x0f) === 8) return size < 2 ? 1005 : view.getUint16(start);
      this.#received = bytes.slice(start + size);
    }
  }

  /** Reads and forgets whatever comes, until the connection ends. */
  async drain(): Promise<void> {
    const part = new Uint8Array(64 * 1024);
    while (await this.conn.read(part).catch(() => null) !== null) { /* forgotten */ }
  }

  close(): void {
    try {
      this.conn.close();
    } catch {
      // The other side has closed it.
    }
  }
}
