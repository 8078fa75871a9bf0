/** Where a client is. */
export type Peer = Pick<Deno.NetAddr, "hostname" | "port">;

/** Whose connection it is, by the port of loopback that it comes from. */
export class Peers {
  readonly #byPort = new Map<number, { readonly peer: Peer }>();

  of(port: number): Peer | undefined {
    return this.#byPort.get(port)?.peer;
  }

  /**
   * A connection from `port` is this client's from now on.
   *
   * @returns takes that back, unless the port is another connection's by then: once both ends have shut
   *   one, or the server has reset it, the system gives its port anew, before we hear of the end
   */
  add(port: number, peer: Peer): () => void {
    const entry = { peer };
    this.#byPort.set(port, entry);
    return () => {
      if (this.#byPort.get(port) === entry) this.#byPort.delete(port);
    };
  }
}
