/**
 * Batches over the platform's WebSocket: authenticated by the first message, answered by `ack`.
 * By hand, because the runtime's own client writes head and payload of a larger message apart,
 * and Nagle's algorithm then holds the payload back for 40 ms.
 *
 * @module
 */
import { endOfHead } from "./http_connection.ts";
import { Socket } from "./socket.ts";
import { type Answer, answerTimeoutMs, type Target, type Transport } from "./transport.ts";
import { frameHead, opcode, parseFrame } from "./ws_frame.ts";

const decoder = new TextDecoder();

interface Message {
  readonly type?: string;
  readonly id?: number;
  readonly accepted?: number;
  readonly code?: string;
  /** Seconds. */
  readonly retry_after?: number;
}

/** Statuses of the errors that are not mended by sending again; all others are. */
const finalErrors: Readonly<Record<string, number>> = {
  unauthorized: 401,
  forbidden: 403,
  bad_request: 400,
  not_an_object: 400,
  missing_field: 400,
  invalid_field: 400,
  invalid_json: 400,
  too_deep: 400,
  too_large: 413,
};

/** Sends batches over one WebSocket. */
export class WsConnection implements Transport {
  readonly #target: Target;
  #socket: Socket | undefined;
  #nextId = 1;
  #deadlineMs = Infinity;

  constructor(target: Target) {
    this.#target = target;
  }

  async send(body: string, _ndjson = false): Promise<Answer> {
    this.#deadlineMs = performance.now() + (this.#target.timeoutMs ?? answerTimeoutMs);
    try {
      if (this.#socket === undefined) {
        this.#socket = await Socket.connect(this.#target.url, this.#target.ca);
        await this.#open(this.#socket);
      }
      const id = this.#nextId++;
      await sendText(this.#socket, `{"type":"events","id":${id},"events":${body}}`);
      return await this.#answerTo(this.#socket, id);
    } catch (cause) {
      this.close();
      throw cause;
    } finally {
      this.#deadlineMs = Infinity;
    }
  }

  expire(nowMs: number): void {
    if (nowMs > this.#deadlineMs) this.close();
  }

  close(): void {
    this.#socket?.close();
    this.#socket = undefined;
  }

  /** Upgrades to a WebSocket and authenticates. */
  async #open(socket: Socket): Promise<void> {
    await socket.send(
      `GET /ws HTTP/1.1\r\nHost: ${this.#target.url.host}\r\nConnection: Upgrade\r\n` +
        `Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n` +
        `Sec-WebSocket-Key: ${crypto.getRandomValues(new Uint8Array(16)).toBase64()}\r\n\r\n`,
    );
    let end = endOfHead(socket.received);
    while (end === undefined) {
      await socket.receive();
      end = endOfHead(socket.received);
    }
    const statusLine = decoder.decode(socket.received.subarray(0, end)).split("\r\n", 1)[0]!;
    if (!statusLine.startsWith("HTTP/1.1 101")) {
      throw new Error(`Cannot open the WebSocket as the platform answered ${statusLine}`);
    }
    socket.consume(end + 4);
    await sendText(socket, JSON.stringify({ type: "auth", token: this.#target.key }));
  }

  async #answerTo(socket: Socket, id: number): Promise<Answer> {
    for (;;) {
      const frame = parseFrame(socket.received);
      if (frame === undefined) {
        await socket.receive();
        continue;
      }
      const text = decoder.decode(frame.payload);
      if (frame.opcode === opcode.close) {
        const reason = text.slice(2);
        throw new Error(`Cannot wait for an answer as the WebSocket was closed: ${reason}`);
      }
      socket.consume(frame.bytes);
      if (frame.opcode === opcode.ping) {
        await socket.send(text, frameHead(opcode.pong, text.length));
      }
      if (frame.opcode !== opcode.text) continue;
      const message = JSON.parse(text) as Message;
      if (message.id === id) return answerOf(message, text);
    }
  }
}

function sendText(socket: Socket, text: string): Promise<void> {
  return socket.send(text, frameHead(opcode.text, text.length));
}

function answerOf(message: Message, body: string): Answer {
  if (message.type === "ack") {
    return { status: (message.accepted ?? 0) > 0 ? 202 : 400, body };
  }
  const status = finalErrors[message.code ?? ""] ?? 503;
  return { status, body, retryAfterMs: (message.retry_after ?? 0.25) * 1000 };
}
