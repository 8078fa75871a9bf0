/**
 * WebSockets with bounds: Deno neither limits what is queued for a reader that has stalled nor
 * calls back when it drains, so every send goes through here.
 *
 * @module
 */
import { limits } from "../../schema/limits.ts";
import type { GatewayMetrics } from "../deps.ts";

/** Close codes: 1xxx of RFC 6455, 4xxx of graphql-transport-ws, which `/ws` follows. */
export const closeCode = {
  goingAway: 1001,
  policyViolation: 1008,
  tooBig: 1009,
  internalError: 1011,
  authTimeout: 4408,
  tooSlow: 4429,
} as const;

/**
 * Sends unless the reader has stalled; then the socket is closed with 4429 and nothing is sent.
 *
 * @returns whether it was sent
 */
export function sendBounded(socket: WebSocket, text: string): boolean {
  if (socket.readyState !== WebSocket.OPEN) return false;
  if (socket.bufferedAmount + text.length > limits.webSocketSendBytesMax) {
    socket.close(closeCode.tooSlow, "You read too slowly");
    return false;
  }
  socket.send(text);
  return true;
}

const encoder = new TextEncoder();

/** True when a message is larger than `bytesMax`, counted as UTF-8. */
export function isTooBig(data: string | ArrayBuffer, bytesMax: number): boolean {
  if (typeof data !== "string") return data.byteLength > bytesMax;
  if (data.length * 3 <= bytesMax) return false;
  return data.length > bytesMax || encoder.encode(data).length > bytesMax;
}

/** The open WebSockets of one gateway. */
export class OpenSockets {
  readonly #sockets = new Set<WebSocket>();

  constructor(readonly metrics: Pick<GatewayMetrics, "webSockets">) {}

  get size(): number {
    return this.#sockets.size;
  }

  /** Counts the socket until it closes. */
  add(socket: WebSocket): void {
    this.#sockets.add(socket);
    this.metrics.webSockets(this.#sockets.size);
    socket.addEventListener("close", () => {
      this.#sockets.delete(socket);
      this.metrics.webSockets(this.#sockets.size);
    });
  }

  closeAll(): void {
    for (const socket of this.#sockets) socket.close(closeCode.goingAway, "Going away");
  }
}
