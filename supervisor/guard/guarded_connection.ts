/**
 * One client's connection, between its socket and the listener behind the guard. What the client sends
 * is followed request by request; an unfinished head waits here, and the listener behind never hears
 * of a connection that brings none. Answers pass as they are.
 *
 * @module
 */
import { edgeLimits } from "../../schema/net/edge_limits.ts";
import { refusal, streamOf } from "./answers.ts";
import { type ProxyHeader, readProxyHeader } from "./proxy_header.ts";
import type { Fault } from "./request_head.ts";
import { RequestFramer } from "./request_framer.ts";

/** How long each part may take, milliseconds. */
export type GuardTimes = Pick<
  { readonly [K in keyof typeof edgeLimits]: number },
  "headMs" | "idleMs" | "bodyMs" | "bodyBytesPerSecondMin" | "answerMs" | "writeMs"
>;

export interface GuardedOptions {
  readonly times: GuardTimes;
  /** Milliseconds that only grow. */
  readonly now: () => number;
  /** Whether the other end is a proxy of ours, which may say whom it speaks for. */
  readonly isProxy: boolean;
  /** Connects to the listener behind; its address there is known before the first byte is sent. */
  readonly connect: () => Promise<Deno.TcpConn>;
  /** A proxy has said whom it speaks for. @returns why he is not let in */
  readonly onSource: (source: { hostname: string; port: number }) => Fault | undefined;
  /** The first head is complete. */
  readonly onHead: () => void;
  readonly onEnd: () => void;
}

const bufferBytes = 4 * 1024;
const bufferBytesMax = 64 * 1024;
/** How long a connection that was refused may go on to read why. */
const lingerMs = 1_000;

async function writeAll(conn: Deno.Conn, bytes: Uint8Array): Promise<void> {
  let done = await conn.write(bytes);
  while (done < bytes.length) done += await conn.write(bytes.subarray(done));
}

export class GuardedConnection {
  readonly #framer = new RequestFramer();
  readonly #openedAt: number;
  #backend: Deno.TcpConn | undefined;
  #buffer = new Uint8Array(bufferBytes);
  #filled = 0;
  /** Since when the head or body under way is. */
  #phaseAt: number;
  #passedHeads = 0;
  /** A head was passed on, and nothing came back yet. */
  #awaits = false;
  /** When the last head was passed on, or the last byte of an answer. */
  #lastAt: number;
  /** The answer under way. */
  #stream: "answer" | "events" | "tunnel" = "answer";
  #writingAt = 0;
  /** From when on what the client sends is read and dropped, until when. */
  #lingerUntil = 0;
  #isRefused = false;
  #isClosed = false;
  #awaitsSource: boolean;

  constructor(readonly client: Deno.TcpConn, readonly options: GuardedOptions) {
    this.#openedAt = this.#phaseAt = this.#lastAt = options.now();
    this.#awaitsSource = options.isProxy;
  }

  /** Serves until one end closes. Never rejects. */
  async run(): Promise<void> {
    try {
      await this.#readClient();
    } catch {
      // Reset, or closed by us.
      this.close();
    }
  }

  async #readClient(): Promise<void> {
    while (!this.#isClosed) {
      if (this.#lingerUntil > 0) this.#filled = 0;
      // The buffer is never full here: a read into nothing would be answered at once, for ever.
      const read = await this.client.read(this.#buffer.subarray(this.#filled));
      if (read === null) break;
      if (this.#lingerUntil > 0) continue;
      this.#filled += read;
      if (this.#awaitsSource && !this.#takeSource()) continue;
      if (this.#stream === "tunnel") {
        await this.#send(this.#filled);
      } else await this.#passOn();
    }
    // Half a request will not become a whole one.
    if (this.#backend === undefined || this.#framer.phase !== "rest") this.close();
    else await this.#backend.closeWrite();
  }

  /** @returns whether what is left is the client's own */
  #takeSource(): boolean {
    const header = readProxyHeader(this.#buffer.subarray(0, this.#filled));
    if (header === "more") return false;
    this.#awaitsSource = false;
    if (header === "none") return true;
    if (header === "wrong") {
      this.refuse({ status: 400, detail: "The PROXY header cannot be read" });
      return false;
    }
    return this.#dropHeader(header);
  }

  #dropHeader({ bytes, source }: ProxyHeader): boolean {
    const fault = source === undefined ? undefined : this.options.onSource(source);
    if (fault !== undefined) {
      this.refuse(fault);
      return false;
    }
    this.#buffer.copyWithin(0, bytes, this.#filled);
    this.#filled -= bytes;
    return this.#filled > 0;
  }

  /** Reads on in the requests and passes on what is complete of them. */
  async #passOn(): Promise<void> {
    const framer = this.#framer;
    const { phase, heads } = framer;
    const ready = framer.feed(this.#buffer, this.#filled);
    if (framer.fault !== undefined) return this.refuse(framer.fault);
    if (framer.heads > heads) {
      this.#passedHeads = framer.heads;
      this.#awaits = true;
      this.#lastAt = this.options.now();
      this.#stream = "answer";
      if (heads === 0) this.options.onHead();
    }
    if (framer.phase !== phase || framer.heads > heads) this.#phaseAt = this.options.now();
    if (ready > 0) {
      this.#backend ??= await this.#connect();
      await this.#send(ready);
    }
    if (this.#filled === this.#buffer.length) this.#resize(this.#buffer.length * 4);
    else if (this.#filled === 0) this.#fit(framer);
  }

  /** Passes on the first bytes of the buffer. */
  async #send(bytes: number): Promise<void> {
    if (this.#isClosed || this.#lingerUntil > 0) return;
    try {
      await writeAll(this.#backend!, this.#buffer.subarray(0, bytes));
    } catch {
      // It has answered and closed; the answer must reach the client all the same.
      this.#linger();
      return;
    }
    if (bytes < this.#filled) this.#buffer.copyWithin(0, bytes, this.#filled);
    this.#filled -= bytes;
    this.#framer.shift(bytes);
  }

  /** Large bodies have a large buffer, who rests has a small one. */
  #fit(framer: RequestFramer): void {
    const wanted = framer.phase === "body" ? bufferBytesMax : bufferBytes;
    if (this.#buffer.length !== wanted) this.#buffer = new Uint8Array(wanted);
  }

  #resize(bytes: number): void {
    const larger = new Uint8Array(Math.min(bytes, bufferBytesMax));
    larger.set(this.#buffer.subarray(0, this.#filled));
    this.#buffer = larger;
  }

  async #connect(): Promise<Deno.TcpConn> {
    let backend: Deno.TcpConn;
    try {
      backend = await this.options.connect();
    } catch (error) {
      this.refuse({ status: 503, detail: "This node cannot answer right now: come back" });
      throw error;
    }
    // Gone while we connected: nobody else would close it.
    if (this.#isClosed) backend.close();
    else void this.#readBackend(backend).catch(() => this.close());
    return backend;
  }

  async #readBackend(backend: Deno.TcpConn): Promise<void> {
    let buffer = new Uint8Array(bufferBytes);
    for (;;) {
      const read = await backend.read(buffer);
      if (read === null) break;
      // Our own answer was the last.
      if (this.#isRefused) continue;
      if (this.#awaits) this.#begin(buffer.subarray(0, read));
      this.#writingAt = this.#lastAt = this.options.now();
      await writeAll(this.client, buffer.subarray(0, read));
      this.#writingAt = 0;
      const wanted = read === buffer.length ? bufferBytesMax : bufferBytes;
      if (buffer.length !== wanted) buffer = new Uint8Array(wanted);
    }
    if (this.#isRefused || this.#lingerUntil > 0) return;
    // The answer may be to a body that still comes, and closing at once would take it back.
    if (this.#framer.phase !== "body") return this.close();
    this.#linger();
    await this.client.closeWrite();
  }

  /** The first bytes that come back after a head. */
  #begin(bytes: Uint8Array): void {
    const stream = streamOf(bytes);
    if (stream === "interim") return;
    this.#stream = stream;
    this.#awaits = false;
  }

  /** Says why, where no answer is under way, and ends. */
  refuse(fault: Fault): void {
    if (this.#isClosed || this.#isRefused) return;
    // In a body its own answer may have begun; elsewhere that of the request before may be due.
    const { phase, heads } = this.#framer;
    const isOwn = phase === "body" && heads === this.#passedHeads;
    if (this.#awaits !== isOwn) return this.close();
    this.#isRefused = true;
    this.#linger();
    writeAll(this.client, refusal(fault)).then(() => this.client.closeWrite())
      .catch(() => this.close());
  }

  #linger(): void {
    this.#lingerUntil = this.options.now() + lingerMs;
    this.#backend?.closeWrite().catch(() => {});
  }

  /** Closes it if the server does not know it; of the others that one closes those at rest. */
  drain(): void {
    if (this.#backend === undefined) this.close();
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const conn of [this.client, this.#backend]) {
      try {
        conn?.close();
      } catch {
        // Closed by what it failed of.
      }
    }
    this.options.onEnd();
  }

  /** Ends it if anything takes too long. @returns whether it did */
  look(): boolean {
    const now = this.options.now();
    const { times } = this.options;
    const isOver = this.#lingerUntil > 0 && now > this.#lingerUntil ||
      this.#writingAt > 0 && now - this.#writingAt > times.writeMs;
    if (isOver) this.close();
    else if (this.#lingerUntil === 0 && this.#stream !== "tunnel" && this.#isLate(now)) {
      const { phase } = this.#framer;
      if (phase === "rest") this.close();
      else this.refuse({ status: 408, detail: `The ${phase} of the request took too long` });
      return true;
    }
    return isOver;
  }

  #isLate(now: number): boolean {
    const { times } = this.options;
    const { phase, heads, bodyBytes } = this.#framer;
    if (phase === "head" || heads === 0) {
      return now - (heads === 0 ? this.#openedAt : this.#phaseAt) > times.headMs;
    }
    if (phase === "body") {
      const spare = bodyBytes / times.bodyBytesPerSecondMin * 1000;
      return now - this.#phaseAt > times.bodyMs + spare;
    }
    const isBusy = this.#awaits || this.#stream === "events";
    return now - this.#lastAt > (isBusy ? times.answerMs : times.idleMs);
  }
}
