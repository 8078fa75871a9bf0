/**
 * A WebSocket client for tests: messages are awaited one by one.
 *
 * @module
 */

// deno-lint-ignore no-explicit-any -- tests read answers of many shapes
export type Answer = any;

/** Deno's own constructor; a dependency's reference to the DOM library hides its second form. */
const DenoWebSocket = WebSocket as unknown as new (
  url: string,
  options: { headers?: Record<string, string>; protocols?: string[] },
) => WebSocket;

export class SocketClient {
  readonly #socket: WebSocket;
  readonly #answers: Answer[] = [];
  #wake: () => void = () => {};
  readonly #closed: Promise<number>;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.addEventListener("message", ({ data }) => {
      this.#answers.push(JSON.parse(data));
      this.#wake();
    });
    this.#closed = new Promise((resolve) => {
      socket.addEventListener("close", ({ code }) => resolve(code));
    });
    socket.addEventListener("error", () => {});
  }

  /** Opens `path` of an `http:` URL. */
  static async open(
    url: string,
    path: string,
    options: { key?: string; protocol?: string; origin?: string } = {},
  ): Promise<SocketClient> {
    const { key, protocol, origin } = options;
    const headers = {
      ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
      ...(origin === undefined ? {} : { origin }),
    };
    const socket = new DenoWebSocket(url.replace("http", "ws") + path, {
      headers,
      ...(protocol === undefined ? {} : { protocols: [protocol] }),
    });
    const client = new SocketClient(socket);
    await new Promise<void>((resolve, reject) => {
      socket.addEventListener("open", () => resolve());
      socket.addEventListener("error", () => reject(new Error("The upgrade was refused")));
    });
    return client;
  }

  /** Sends a message; text and bytes go as they are. */
  send(message: unknown): void {
    const isRaw = typeof message === "string" || message instanceof Uint8Array;
    this.#socket.send(isRaw ? message as string : JSON.stringify(message));
  }

  /** The next answer; fails after 5 s. */
  async answer(): Promise<Answer> {
    if (this.#answers.length === 0) {
      await within5s(new Promise<void>((resolve) => this.#wake = resolve), "an answer");
    }
    return this.#answers.shift();
  }

  /** The close code; fails when the server has not closed within 5 s. */
  closed(): Promise<number> {
    return within5s(this.#closed, "the close");
  }

  /** Sends and takes the next answer. */
  async ask(message: unknown): Promise<Answer> {
    this.send(message);
    return await this.answer();
  }

  async close(): Promise<void> {
    this.#socket.close();
    await this.closed();
  }
}

function within5s<T>(promise: Promise<T>, what: string): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`Waited 5 s in vain for ${what}`)), 5000);
    promise.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
