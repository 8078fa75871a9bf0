/**
 * A WebSocket for the tests of the folder above: what is sent waits until the test drains it.
 *
 * @module
 */
import type { RawSocket } from "../client_socket.ts";

export class FakeSocket implements RawSocket {
  readyState: 0 | 1 | 2 | 3 = WebSocket.OPEN;
  bufferedAmount = 0;
  readonly sent: string[] = [];
  readonly closes: number[] = [];
  readonly #onClose: ((event: CloseEvent) => void)[] = [];

  send(text: string): void {
    this.sent.push(text);
    this.bufferedAmount += text.length;
  }

  /** Begins to close; {@link closed} ends it. */
  close(code: number): void {
    this.closes.push(code);
    this.readyState = WebSocket.CLOSING;
  }

  addEventListener(type: string, listener: unknown): void {
    if (type === "close") this.#onClose.push(listener as (event: CloseEvent) => void);
  }

  closed(code = 1005, wasClean = true): void {
    this.readyState = WebSocket.CLOSED;
    const event = new CloseEvent("close", { code, wasClean });
    for (const listener of this.#onClose) listener(event);
  }
}
