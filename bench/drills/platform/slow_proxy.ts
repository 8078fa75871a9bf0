/**
 * A TCP intermediary that holds back what clients say for a while: a server that is far away, or slow
 * to answer. Order and content stay as they are.
 *
 * @module
 */

/** A running proxy. */
export interface SlowProxy {
  readonly port: number;
  /** How long each piece that a client sends is held back, milliseconds; may change at any time. */
  delayMs: number;
  /** Pieces that were held back. */
  readonly delayed: number;
  close(): Promise<void>;
}

class Proxy implements SlowProxy {
  delayMs = 0;
  delayed = 0;
  readonly port: number;
  readonly #listener: Deno.Listener;
  readonly #open = new Set<Deno.Conn>();
  readonly #serving = new Set<Promise<void>>();

  constructor(readonly target: { readonly hostname: string; readonly port: number }) {
    const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    this.#listener = listener;
    this.port = listener.addr.port;
    void this.#accept();
  }

  async #accept(): Promise<void> {
    try {
      for await (const client of this.#listener) {
        const serving = this.#serve(client).finally(() => this.#serving.delete(serving));
        this.#serving.add(serving);
      }
    } catch {
      // Closed.
    }
  }

  async #serve(client: Deno.Conn): Promise<void> {
    this.#open.add(client);
    let server: Deno.Conn | undefined;
    try {
      server = await Deno.connect(this.target);
      this.#open.add(server);
      const back = server.readable.pipeTo(client.writable).catch(() => {});
      await this.#forward(client, server).catch(() => {});
      await back;
    } catch {
      // The target is away: so are we.
    } finally {
      for (const end of [client, server]) this.#cut(end);
    }
  }

  /** Pieces are read as they come and sent when their time is up, one after the other. */
  async #forward(client: Deno.Conn, server: Deno.Conn): Promise<void> {
    const writer = server.writable.getWriter();
    let last: Promise<unknown> = Promise.resolve();
    for await (const piece of client.readable) {
      const ms = this.delayMs;
      if (ms > 0) this.delayed++;
      const due = ms > 0 ? new Promise((resolve) => setTimeout(resolve, ms)) : undefined;
      last = last.then(() => due).then(() => writer.write(piece));
      last.catch(() => this.#cut(client));
    }
    await last;
    await writer.close();
  }

  #cut(end: Deno.Conn | undefined): void {
    if (end === undefined || !this.#open.delete(end)) return;
    try {
      end.close();
    } catch {
      // It has closed by itself.
    }
  }

  async close(): Promise<void> {
    this.#listener.close();
    for (const end of [...this.#open]) this.#cut(end);
    await Promise.all(this.#serving);
  }
}

/** Starts a proxy before the server at `hostname:port`, at first without delay. */
export function startSlowProxy(hostname: string, port: number): SlowProxy {
  return new Proxy({ hostname, port });
}
