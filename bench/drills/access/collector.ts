/**
 * A client of WebSockets that asks much and looks at the answers later.
 *
 * @module
 */

/** A WebSocket that keeps what comes, by what was asked. */
export class Collector {
  readonly #asked = new Map<string, string>();
  readonly #texts: string[] = [];
  #wake: () => void = () => {};

  private constructor(readonly socket: WebSocket) {
    socket.addEventListener("message", ({ data }) => {
      this.#texts.push(String(data));
      this.#wake();
    });
    socket.addEventListener("error", () => {});
  }

  static async open(url: string, path: string, protocol?: string): Promise<Collector> {
    const socket = new WebSocket(url.replace("http", "ws") + path, protocol ?? []);
    const collector = new Collector(socket);
    await new Promise((resolve, reject) => {
      socket.addEventListener("open", resolve, { once: true });
      socket.addEventListener("close", reject, { once: true });
    }).catch(() => {});
    return collector;
  }

  send(message: unknown): void {
    if (this.socket.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(message));
  }

  ask(id: string, what: string, message: unknown): void {
    this.#asked.set(id, what);
    this.send(message);
  }

  /** Waits for a message of a type, or the end of the connection. */
  async waitFor(type: string, ms: number): Promise<void> {
    const deadline = performance.now() + ms;
    const has = () => this.#texts.some((text) => text.includes(`"${type}"`));
    while (!has() && this.socket.readyState === WebSocket.OPEN && performance.now() < deadline) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
        setTimeout(resolve, 20);
      });
    }
  }

  /** For each question what came for it; for those that name none, all that came. */
  texts(): { readonly what: string; readonly text: string }[] {
    const all = this.#texts.join("\n");
    return [...this.#asked].map(([id, what]) => {
      const own = this.#texts.filter((text) => text.includes(`"id":"${id}"`)).join("\n");
      return { what, text: own === "" ? all : own };
    });
  }

  async close(): Promise<void> {
    if (this.socket.readyState === WebSocket.CLOSED) return;
    const closed = new Promise((resolve) => this.socket.addEventListener("close", resolve));
    this.socket.close();
    await closed;
  }
}
