/**
 * A client of graphql-transport-ws that sends whatever it is given. By hand and with each message in
 * one write, as the runtime's own client writes head and payload of a larger message apart: the
 * second then waits 40 ms for the first one's delayed acknowledgement, which is no time of ours.
 *
 * @module
 */
import { ConnectionClosed, Socket } from "../../load/client/socket.ts";
import { endOfHead } from "../../load/client/http_connection.ts";
import { frameHead, opcode, parseFrame } from "../../load/client/ws_frame.ts";

const answerMsMax = 10_000;
const decoder = new TextDecoder();

/** An answer: the first message of one operation, or how the connection was closed. */
export interface SocketAnswer {
  /** `next` or `error`: what came first. */
  readonly type: "next" | "error" | "closed";
  readonly text: string;
  /** Of the close; `undefined` when the connection ended without one. */
  readonly code?: number;
}

export class GraphqlSocket {
  #isOpen = true;
  #closeCode: number | undefined;
  #asked = 0;

  private constructor(readonly socket: Socket) {}

  /** @throws {Error} it was not let in */
  static async open(url: string, key: string): Promise<GraphqlSocket> {
    const target = new URL("/graphql", url);
    const client = new GraphqlSocket(await Socket.connect(target));
    await client.#bounded(() => client.#upgrade(target, key));
    return client;
  }

  async #upgrade(target: URL, key: string): Promise<void> {
    const { socket } = this;
    await socket.send(
      `GET ${target.pathname} HTTP/1.1\r\nHost: ${target.host}\r\nConnection: Upgrade\r\n` +
        `Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n` +
        `Sec-WebSocket-Protocol: graphql-transport-ws\r\n` +
        `Sec-WebSocket-Key: ${crypto.getRandomValues(new Uint8Array(16)).toBase64()}\r\n\r\n`,
    );
    let end = endOfHead(socket.received);
    for (; end === undefined; end = endOfHead(socket.received)) await socket.receive();
    const status = decoder.decode(socket.received.subarray(0, end)).split("\r\n", 1)[0]!;
    if (!status.startsWith("HTTP/1.1 101")) throw new Error(`The upgrade was refused: ${status}`);
    socket.consume(end + 4);
    const payload = { authorization: `Bearer ${key}` };
    await this.#send(JSON.stringify({ type: "connection_init", payload }));
    const text = await this.#next();
    if (!text?.includes("connection_ack")) throw new Error(`No connection_ack: ${text}`);
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** @param text ASCII */
  async #send(text: string): Promise<void> {
    await this.socket.send(text, frameHead(opcode.text, text.length));
  }

  /** The next message; `undefined` at the end of the connection. */
  async #next(): Promise<string | undefined> {
    for (;;) {
      const frame = parseFrame(this.socket.received);
      if (frame === undefined) {
        await this.socket.receive();
        continue;
      }
      const { payload, bytes } = frame;
      const text = decoder.decode(payload);
      if (frame.opcode === opcode.close) {
        this.#closeCode = payload.length < 2 ? undefined : payload[0]! * 256 + payload[1]!;
        this.#drop();
        return undefined;
      }
      this.socket.consume(bytes);
      if (frame.opcode === opcode.ping) {
        await this.socket.send(text, frameHead(opcode.pong, text.length));
      }
      if (frame.opcode === opcode.text) return text;
    }
  }

  #drop(): void {
    this.#isOpen = false;
    this.socket.close();
  }

  /** An answer that does not come ends the connection. */
  async #bounded<T>(work: () => Promise<T>): Promise<T | undefined> {
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      this.#drop();
    }, answerMsMax);
    try {
      return await work();
    } catch (error) {
      this.#drop();
      if (isLate) throw new Error(`No answer within ${answerMsMax} ms`);
      const isEnd = error instanceof ConnectionClosed ||
        error instanceof Deno.errors.ConnectionReset ||
        error instanceof Deno.errors.BrokenPipe;
      if (isEnd) return undefined;
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  /** Sends one operation, or `body` as it is when it is none, and waits for what becomes of it. */
  async ask(body: unknown): Promise<SocketAnswer> {
    const id = String(++this.#asked);
    const isOperation = typeof body === "object" && body !== null && !Array.isArray(body);
    const text = typeof body === "string"
      ? `{"type":"subscribe","id":"${id}","payload":${body}}`
      : JSON.stringify(isOperation ? { type: "subscribe", id, payload: body } : body);
    const first = await this.#bounded(async () => {
      await this.#send(text);
      return await this.#next();
    });
    if (first === undefined) {
      return {
        type: "closed",
        text: "",
        ...(this.#closeCode === undefined ? {} : { code: this.#closeCode }),
      };
    }
    const { type } = JSON.parse(first) as { type: "next" | "error" };
    // A result is followed by its end.
    if (type === "next") await this.#bounded(() => this.#next());
    return { type, text: first };
  }

  close(): void {
    if (this.#isOpen) this.#drop();
  }
}
