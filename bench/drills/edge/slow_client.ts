/**
 * One slow client: it drips a head, or a body, or says nothing, until it is cut; then another comes
 * in its place.
 *
 * @module
 */
import net from "node:net";
import tls from "node:tls";

export const kinds = ["drip", "body", "idle"] as const;
export type SlowKind = typeof kinds[number];

/** Between two bytes that it sends. */
const dripMs = 2_000;
/** Before it comes again. */
const backMs = 500;

/** What became of the slow clients of one kind. */
export class SlowCounts {
  /** Connections that the server took. */
  opened = 0;
  /** Of these, those that the server has ended. */
  cut = 0;
  /** Told so, by 4xx. */
  told = 0;
  /** Served as if nothing was wrong, by 2xx. */
  served = 0;
  /** Connections that were not made. */
  failed = 0;
  /** Longest from a connection's begin, or an answer, to its end. */
  slowestMs = 0;
}

export interface SlowOptions {
  readonly kind: SlowKind;
  /** Where it connects. */
  readonly url: URL;
  /** PEM to trust; without it there is no TLS. */
  readonly ca: string | undefined;
  readonly key: string;
  /** An address of loopback that it comes from. */
  readonly from: string;
  /** Whether an idle one asks for something first. */
  readonly asks: boolean;
}

const head = (key: string) =>
  `POST /api/v1/events HTTP/1.1\r\nHost: slow\r\nAuthorization: Bearer ${key}\r\n` +
  "Content-Type: application/json\r\n";
const get = "GET /health/live HTTP/1.1\r\nHost: slow\r\n\r\n";

export class SlowClient {
  #socket: net.Socket | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** `performance.now()` from when on it does nothing good; `undefined` while there is no connection. */
  #slowAt: number | undefined;
  #startedAt = 0;
  #mayReturn = true;

  constructor(readonly options: SlowOptions, readonly counts: SlowCounts) {}

  get isOpen(): boolean {
    return this.#slowAt !== undefined;
  }

  /** Whether it is connected, or about to be. */
  get isThere(): boolean {
    return this.#socket !== undefined;
  }

  /** How long it has been slow, or tried to connect, by now, milliseconds. */
  get slowMs(): number {
    return performance.now() - (this.#slowAt ?? this.#startedAt);
  }

  start(): void {
    this.#startedAt = performance.now();
    const { url, ca, from } = this.options;
    const socket = net.connect({
      host: url.hostname,
      port: Number(url.port),
      localAddress: from,
    });
    const speaking = ca === undefined ? socket : tls.connect({
      socket,
      ca,
      servername: "localhost",
      ALPNProtocols: ["http/1.1"],
      // The name in it is another's business.
      checkServerIdentity: () => undefined,
    });
    this.#socket = speaking;
    speaking.setNoDelay(true);
    speaking.once(ca === undefined ? "connect" : "secureConnect", () => this.#begin(speaking));
    speaking.on("data", (bytes: Uint8Array) => this.#read(bytes));
    // A reset is an end as well.
    speaking.on("error", () => this.#ended());
    speaking.on("end", () => this.#ended());
    speaking.on("close", () => this.#ended());
  }

  #begin(socket: net.Socket): void {
    const { kind, key, asks } = this.options;
    this.counts.opened++;
    this.#slowAt = performance.now();
    if (kind === "idle") {
      if (asks) socket.write(get);
      return;
    }
    socket.write(
      kind === "drip" ? `${head(key)}X-Slow: ` : `${head(key)}Content-Length: 60000\r\n\r\n[`,
    );
    this.#drip(socket);
  }

  #drip(socket: net.Socket): void {
    this.#timer = setTimeout(() => {
      socket.write(" ");
      this.#drip(socket);
    }, dripMs);
  }

  #read(bytes: Uint8Array): void {
    const status = new TextDecoder().decode(bytes.subarray(0, 12)).match(/^HTTP\/1\.1 (\d)/)?.[1];
    if (status === "4") this.counts.told++;
    if (status !== "2") return;
    this.counts.served++;
    // It may rest from now on.
    this.#slowAt = performance.now();
  }

  #ended(): void {
    const socket = this.#socket;
    if (socket === undefined) return;
    this.#socket = undefined;
    clearTimeout(this.#timer);
    socket.destroy();
    if (this.#slowAt === undefined) this.counts.failed++;
    else {
      this.counts.cut++;
      this.counts.slowestMs = Math.max(this.counts.slowestMs, this.slowMs);
    }
    this.#slowAt = undefined;
    if (this.#mayReturn) this.#timer = setTimeout(() => this.start(), backMs);
  }

  /** Lets it be cut once more, and not come back. */
  retire(): void {
    this.#mayReturn = false;
    if (this.#socket === undefined) clearTimeout(this.#timer);
  }

  /** Ends it, unheard. */
  kill(): void {
    this.#socket?.removeAllListeners();
    this.#socket?.on("error", () => {});
    this.#socket?.destroy();
    this.#socket = undefined;
    clearTimeout(this.#timer);
  }
}
