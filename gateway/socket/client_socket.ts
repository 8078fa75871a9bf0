/**
 * One client's WebSocket with bounds. Deno neither limits what is queued for a reader that has
 * stalled, nor tells when it drains, nor stops reading from a client that sends too much: so
 * everything that is sent, received and closed goes through here.
 *
 * @module
 */
import { limits } from "../../schema/limits.ts";
import type { Peer } from "./cut_connection.ts";

/** Close codes: 1xxx of RFC 6455, 4xxx of graphql-transport-ws, which `/ws` follows. */
export const closeCode = {
  goingAway: 1001,
  policyViolation: 1008,
  tooBig: 1009,
  internalError: 1011,
  authTimeout: 4408,
  /** The client reads too slowly, sends too much, or has too many connections. */
  tooMany: 4429,
} as const;

/** The part of a WebSocket that is used here. */
export type RawSocket = Pick<
  WebSocket,
  "readyState" | "bufferedAmount" | "send" | "close" | "addEventListener"
>;

export interface ClientSocketOptions {
  /** Milliseconds; monotonic. @default performance.now */
  readonly now?: () => number;
  /** Whom to cut when closing does not end it. @default nobody */
  readonly peer?: Peer | undefined;
  /** Told whenever something was sent or the close began: the socket wants to be looked at. */
  readonly onBusy?: (client: ClientSocket) => void;
  /** False lets everything through: what the drills must notice. @default true */
  readonly isBounded?: boolean;
  /** Runs something once what has arrived is dealt with. @default setTimeout */
  readonly later?: (run: () => void) => void;
}

/** What a look at a socket found. */
export type Look =
  /** Nothing waits: there is nothing to look at. */
  | "calm"
  | "busy"
  /** It has been closing for so long that it must be cut. */
  | "overdue";

const encoder = new TextEncoder();
/** How often a writer that waits for room looks again. */
const roomEveryMs = 20;

/** True when a message is larger than `bytesMax`, counted as UTF-8. */
export function isTooBig(data: string | ArrayBuffer, bytesMax: number): boolean {
  if (typeof data !== "string") return data.byteLength > bytesMax;
  if (data.length * 3 <= bytesMax) return false;
  return data.length > bytesMax || encoder.encode(data).length > bytesMax;
}

export class ClientSocket {
  readonly #now: () => number;
  readonly #isBounded: boolean;
  #sentBytes = 0;
  #drainedBytes = 0;
  /** Since when nothing was drained. */
  #stuckSince = 0;
  #closingSince: number | undefined;
  #leavesUnsent = false;
  /** Messages that the client may still send, and as of when. */
  #credit: number = limits.webSocketMessageBurst;
  #creditAt: number;

  constructor(readonly socket: RawSocket, readonly options: ClientSocketOptions = {}) {
    this.#now = options.now ?? (() => performance.now());
    this.#isBounded = options.isBounded ?? true;
    this.#creditAt = this.#now();
  }

  get isOpen(): boolean {
    return this.socket.readyState === WebSocket.OPEN && this.#closingSince === undefined;
  }

  /** Whether bytes were waiting for the reader when the close began. */
  get leavesUnsent(): boolean {
    return this.#leavesUnsent;
  }

  /**
   * Sends, unless more than the bound would wait for the reader: then the socket is closed with 4429.
   *
   * @returns whether it was sent
   */
  send(text: string): boolean {
    if (!this.isOpen) return false;
    const waiting = this.socket.bufferedAmount;
    if (this.#isBounded && waiting + text.length > limits.webSocketSendBytesMax) {
      this.close(closeCode.tooMany, "You read too slowly");
      return false;
    }
    if (waiting === 0) this.#stuckSince = this.#now();
    // Characters beyond ASCII count for more when they drain; the difference is no progress.
    this.socket.send(text);
    this.#sentBytes += this.socket.bufferedAmount - waiting;
    this.options.onBusy?.(this);
    return true;
  }

  /**
   * Resolves once little enough waits for the reader, or the socket closes. Whoever asks for the
   * newest value only then has older ones replaced by newer ones instead of queued.
   */
  async room(): Promise<void> {
    while (
      this.#isBounded && this.isOpen && this.socket.bufferedAmount > limits.webSocketSendMarkBytes
    ) {
      await new Promise((resolve) => setTimeout(resolve, roomEveryMs));
    }
  }

  /**
   * Whether a message may be taken. If it is too big, or they come too fast, the socket is closed
   * (1009, 4429).
   */
  takes(data: string | ArrayBuffer, bytesMax: number): boolean {
    // A client that is being closed may go on sending for a moment.
    if (!this.isOpen) return false;
    if (isTooBig(data, bytesMax)) {
      this.close(closeCode.tooBig, `A message may have ${bytesMax} bytes`);
      return false;
    }
    if (!this.#isBounded || this.#takeCredit()) return true;
    const rate = limits.webSocketMessagesPerSecond;
    this.close(closeCode.tooMany, `A connection may send ${rate} messages a second`);
    return false;
  }

  #takeCredit(): boolean {
    const now = this.#now();
    const earned = (now - this.#creditAt) / 1000 * limits.webSocketMessagesPerSecond;
    this.#credit = Math.min(limits.webSocketMessageBurst, this.#credit + earned) - 1;
    this.#creditAt = now;
    return this.#credit >= 0;
  }

  /** Begins to close; further calls do nothing. */
  close(code: number, reason: string): void {
    if (this.#closingSince !== undefined) return;
    this.#closingSince = this.#now();
    this.#leavesUnsent = this.socket.bufferedAmount > 0;
    // With further messages at hand Deno would drop the connection before the close frame is written.
    const later = this.options.later ?? ((run) => void setTimeout(run, 0));
    later(() => {
      if (this.socket.readyState <= WebSocket.OPEN) this.socket.close(code, reason);
    });
    this.options.onBusy?.(this);
  }

  /** Looks whether the reader still reads, and closes the socket if not. Not to be asked once it has told its close. */
  look(): Look {
    const now = this.#now();
    const { readyState, bufferedAmount } = this.socket;
    // The runtime may have begun to close it, too: then it waits as long. It says that it is closed
    // while it still waits for a reader who does not read to take the close frame.
    if (readyState !== WebSocket.OPEN) this.#closingSince ??= now;
    if (this.#closingSince !== undefined) {
      return now - this.#closingSince < limits.webSocketLingerMs ? "busy" : "overdue";
    }
    if (bufferedAmount === 0) return "calm";
    const drained = this.#sentBytes - bufferedAmount;
    if (drained > this.#drainedBytes) this.#stuckSince = now;
    this.#drainedBytes = drained;
    if (this.#isBounded && now - this.#stuckSince >= limits.webSocketStallMs) {
      this.close(closeCode.tooMany, "You do not read");
    }
    return "busy";
  }
}
