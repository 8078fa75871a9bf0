/**
 * A socket with a growing buffer of what has arrived: what both wire clients stand on.
 *
 * @module
 */

/** Answers of the capture interface are small; one with every event refused stays below this. */
const receivedBytesMax = 4 * 1024 * 1024;

const encoder = new TextEncoder();

/** The platform ended the connection while an answer was due. */
export class ConnectionClosed extends Error {
  override readonly name = "ConnectionClosed";
  constructor() {
    super("Cannot read an answer as the platform closed the connection");
  }
}

/** One connection to the host of `url`, plain or TLS by its scheme. */
export class Socket {
  readonly #conn: Deno.Conn;
  #out = new Uint8Array(64 * 1024);
  #in = new Uint8Array(16 * 1024);
  #filled = 0;

  private constructor(conn: Deno.Conn) {
    this.#conn = conn;
  }

  /** @param ca PEM that is trusted, too. @default only what the system trusts */
  static async connect(url: URL, ca?: string): Promise<Socket> {
    const hostname = url.hostname.replace(/^\[|\]$/g, "");
    if (url.protocol === "https:") {
      const to = { hostname, port: Number(url.port || 443) };
      return new Socket(await Deno.connectTls(ca === undefined ? to : { ...to, caCerts: [ca] }));
    }
    const conn = await Deno.connect({ hostname, port: Number(url.port || 80) });
    // A batch is one write: waiting to fill a packet would only delay it.
    conn.setNoDelay(true);
    return new Socket(conn);
  }

  /** What has arrived and was not consumed. Valid until the next call of `receive` or `consume`. */
  get received(): Uint8Array {
    return this.#in.subarray(0, this.#filled);
  }

  /**
   * Writes `head` as it is, then `text`, which must be ASCII.
   *
   * @throws {RangeError} it is not
   */
  async send(text: string, head?: Uint8Array): Promise<void> {
    const start = head?.length ?? 0;
    if (this.#out.length < start + text.length) {
      this.#out = new Uint8Array((start + text.length) * 2);
    }
    if (head !== undefined) this.#out.set(head);
    const { read, written } = encoder.encodeInto(text, this.#out.subarray(start));
    if (read !== text.length || written !== read) {
      throw new RangeError("Cannot send a batch as it must be ASCII text: a character is not");
    }
    for (let done = 0; done < start + written;) {
      done += await this.#conn.write(this.#out.subarray(done, start + written));
    }
  }

  /** Waits for more to arrive. */
  async receive(): Promise<void> {
    if (this.#filled === this.#in.length) this.#grow();
    const n = await this.#conn.read(this.#in.subarray(this.#filled));
    if (n === null) throw new ConnectionClosed();
    this.#filled += n;
  }

  /** Forgets the first `bytes` received. */
  consume(bytes: number): void {
    this.#in.copyWithin(0, bytes, this.#filled);
    this.#filled -= bytes;
  }

  close(): void {
    try {
      this.#conn.close();
    } catch {
      // It was closed already, by the other side's failure.
    }
  }

  #grow(): void {
    if (this.#in.length >= receivedBytesMax) {
      throw new RangeError(
        `Cannot read an answer as it must be at most ${receivedBytesMax} bytes: it is longer`,
      );
    }
    const larger = new Uint8Array(this.#in.length * 2);
    larger.set(this.#in);
    this.#in = larger;
  }
}
